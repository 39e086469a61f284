// The time tokens are made with.

import CLinux

func wallSeconds() -> Int64 { Int64(time(nil)) }
