// The machine's cores, and the numbers of the signals a service hears.

import CLinux

public enum Processor {
    /// Cores this process may run on.
    public static var count: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}

public enum Signal {
    public static let terminate = SIGTERM
    public static let interrupt = SIGINT
    public static let hangUp = SIGHUP
}
