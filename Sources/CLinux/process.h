// What the command line needs of the system: the user's files, the terminal, and a child that can't
// outlive us. Variadic calls and macros only; the plain calls Swift reaches itself.
#pragma once
#include "shim.h"
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <spawn.h>

// open is variadic; these are all the ways we open a file.
static inline int process_open_for_reading(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC);
}
static inline int process_create_private(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}
static inline int process_open_for_appending(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}
static inline int process_open_lock(const char *path) {
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

// A lock of the whole file that ends with the process and can be looked at without being taken.
static inline int process_lock(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_SETLK, &lock);
}
static inline int process_is_locked(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// Swift does not see rename: it is a builtin.
static inline int process_rename(const char *path, const char *new_path) {
    return renameat(AT_FDCWD, path, AT_FDCWD, new_path);
}

// extern char **environ is a global that Swift will not read.
static inline char *const *process_environment(void) {
    extern char **environ;
    return environ;
}

// ioctl is variadic. Zero when it is no terminal.
static inline int process_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Neither has a function in glibc 2.36's headers without _GNU_SOURCE. A descriptor is readable when
// the process has ended, and never means another one that got its number.
static inline int process_descriptor(pid_t process) {
    return (int)syscall(SYS_pidfd_open, process, 0);
}
static inline int process_signal(int descriptor, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0);
}

// Nor this: what else we have open is not for the child that is started with these actions.
static inline int process_close_others(posix_spawn_file_actions_t *actions) {
    extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

// For a child between its start and its exec: from now on it dies with `parent`. Fails when that has
// ended already. Signals that we keep for ourselves are its own again.
static inline int process_tie_to(pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
    if (getppid() != parent) return -1;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}
// For a service of ours: its group is its own, so that a Ctrl-C at the terminal is ours to hand on. What
// else is open was left open by whoever started us, and is not for it.
static inline int process_set_apart(void) {
    syscall(SYS_close_range, 3, ~0U, 0);
    return setpgid(0, 0);
}

// Both ends are ours until a child gets one as its standard stream. pipe2 is not declared without
// _GNU_SOURCE, and fcntl is variadic.
static inline int process_pipe(int ends[2]) {
    if (pipe(ends) != 0) return -1;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

// Whoever started us decided so: nohup does, and a shell for what runs behind. SIG_IGN is a cast pointer.
static inline int process_ignores(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}
