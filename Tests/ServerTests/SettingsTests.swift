// What an operator may set is what the server can do: the ends of every range are tried.

import Testing

@testable import Settings

@Suite("Settings and the server")
struct SettingsTests {
    @Test("at either end of each setting's range a server starts and ends")
    func ranges() throws {
        for setting in Settings.table {
            guard let range = setting.expected.firstMatch(of: /from (\S+) to (\S+)$/) else {
                continue
            }
            for bound in [range.1, range.2] {
                var settings = Settings()
                settings.listen = "127.0.0.1:0"
                settings.loops = 1
                settings.redisURL = Secret("unix:///nowhere")
                settings.tokenSecret = Secret(Token.secret)
                settings.drainGrace = .zero
                #expect(setting.write(&settings, Array(bound.utf8)), "\(setting.name)=\(bound)")
                try RunningServer(settings).stop()
            }
        }
    }
}
