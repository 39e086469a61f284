// What Loop needs of Linux and glibc beyond the plain calls, header only.
//
// No _GNU_SOURCE: with it this module's fd_set differs from that of the other C modules, and Swift
// refuses to load them together.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// errno is a macro over a function.
static inline int linux_errno(void) { return errno; }

// Of the two strerror_r, the one that always fills the buffer.
static inline void linux_error_text(int code, char *text, size_t capacity) {
    if (strerror_r(code, text, capacity) != 0) text[0] = 0;
}

// prctl is variadic.
static inline void linux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
static inline int linux_thread_name(char name[16]) { return prctl(PR_GET_NAME, name, 0, 0, 0); }

// open is variadic, and this one file is all we open.
static inline int linux_open_null(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// The socket type and its flags are enumerators of a type Swift does not combine.
static inline int linux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
static inline int linux_stream_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}
// Declared under _GNU_SOURCE only.
extern int accept4(int socket, struct sockaddr *peer, socklen_t *length, int flags);
static inline int linux_accept(int listener, struct sockaddr_storage *peer, socklen_t *length) {
    return accept4(listener, (struct sockaddr *)peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// MSG_NOSIGNAL is an enumerator; msghdr is built here so that no pointer to it leaves the call.
static inline ssize_t linux_send(int socket, const void *bytes, size_t count) {
    return send(socket, bytes, count, MSG_NOSIGNAL);
}
static inline ssize_t linux_gather(int socket, struct iovec *pieces, size_t count) {
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}
static inline int linux_shut_down_writing(int socket) { return shutdown(socket, SHUT_WR); }

// One integer option, without the pointer to it.
static inline int linux_set_option(int socket, int level, int option, int value) {
    return setsockopt(socket, level, option, &value, sizeof value);
}
static inline int linux_get_option(int socket, int level, int option) {
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(socket, level, option, &value, &length) == 0 ? value : -1;
}

// epoll_event is packed and holds a union. The flags are enumerators.
static inline int linux_epoll_control(int epoll, int verb, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, verb, fd, &event);
}
static inline uint64_t linux_epoll_token(const struct epoll_event *event) { return event->data.u64; }

// eventfd's and signalfd's flags are enumerators.
static inline int linux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
static inline sigset_t linux_signal_set(const int32_t *signals, size_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    return set;
}
static inline int linux_signalfd(const int32_t *signals, size_t count) {
    sigset_t set = linux_signal_set(signals, count);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}
// The terminal sends to all processes before it: Ctrl-C, a hang-up. SI_KERNEL is an enumerator.
static inline int linux_is_from_kernel(int32_t code) { return code == SI_KERNEL; }
static inline int linux_block_signals(const int32_t *signals, size_t count) {
    sigset_t set = linux_signal_set(signals, count);
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}
// SIG_IGN is a cast function pointer.
static inline void linux_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }
// A thread starts with its maker's mask: all blocked, so that no handler runs on a loop's thread.
static inline int linux_start_thread(pthread_t *thread, void *(*body)(void *), void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
// An enumerator of a type of its own.
static inline int linux_stream_type(void) { return SOCK_STREAM; }
// RLIMIT_NOFILE is an enumerator of a type that setrlimit does not take.
static inline int linux_limit_descriptors(rlim_t count) {
    struct rlimit limit = {.rlim_cur = count, .rlim_max = count};
    return setrlimit(RLIMIT_NOFILE, &limit);
}
