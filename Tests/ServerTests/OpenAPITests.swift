// The description of the routes and the routes themselves say the same.

import Foundation
import Testing
import Wire

@testable import Server

@Suite("openapi.json")
struct OpenAPITests {
    /// Each path with the methods it names.
    private func described() throws -> [String: Set<String>] {
        let file = try #require(PageAssets.files.first { $0.path == "/openapi.json" })
        let json = try JSONSerialization.jsonObject(with: Data(file.body.utf8))
        let paths = try #require((json as? [String: Any])?["paths"] as? [String: [String: Any]])
        return paths.mapValues { Set($0.keys).subtracting(["parameters"]) }
    }

    @Test("every path in it is a route that answers just the methods it names")
    func pathsAreRoutes() throws {
        for (path, methods) in try described() {
            let route = Route(path: exampleOf(path))
            #expect(route != .unknown && !route.isSocket, "\(path)")
            let table: [(HTTPMethod, String)] = [
                (.get, "get"), (.post, "post"), (.put, "put"), (.delete, "delete"),
                (.patch, "patch"),
            ]
            for (method, name) in table {
                #expect(route.answers(method) == methods.contains(name), "\(name) \(path)")
                #expect(route.allow.contains(name.uppercased()) == methods.contains(name))
            }
            #expect(route.allow.contains("OPTIONS") == route.answers(.options))
        }
    }

    @Test("every route but sockets and the page is in it")
    func routesAreDescribed() throws {
        let described = try described()
        let routes: [Route] = [
            .jobs, .job("x"), .jobEvents("x"), .jobLog("x"), .health, .readiness, .metrics,
            .feedEvents("x"), .queueEvents("x"), .session, .tickets, .jobSocket("x"),
            .feedSocket("x"),
            .queueSocket("x"), .socket, .revocations,
            .broadcast, .connections, .connection("x"), .stats,
        ]
        for route in routes {
            guard let path = path(of: route) else { continue }
            #expect(described[path] != nil, "\(path)")
            #expect(Route(path: exampleOf(path)) == route)
        }
    }

    private func exampleOf(_ path: String) -> String {
        path.replacing("{id}", with: "x").replacing("{name}", with: "x")
    }

    /// A whole switch, so that a new route does not compile before somebody thought of this.
    private func path(of route: Route) -> String? {
        switch route {
        case .jobs: "/api/v1/jobs"
        case .job: "/api/v1/jobs/{id}"
        case .jobEvents: "/api/v1/jobs/{id}/events"
        case .jobLog: "/api/v1/jobs/{id}/log"
        case .feedEvents: "/api/v1/feeds/{name}/events"
        case .health: "/healthz"
        case .readiness: "/readyz"
        case .metrics: "/metrics"
        case .revocations: "/api/v1/revocations"
        case .broadcast: "/api/v1/broadcast"
        case .connections: "/api/v1/connections"
        case .connection: "/api/v1/connections/{id}"
        case .stats: "/api/v1/stats"
        case .queueEvents: "/api/v1/queues/{name}/events"
        case .session: "/api/v1/session"
        case .tickets: "/api/v1/tickets"
        case .jobSocket, .feedSocket, .queueSocket, .socket, .asset, .unknown: nil
        }
    }
}
