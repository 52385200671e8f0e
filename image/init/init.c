/* init CHILD PAYLOAD LEAVE_FILE: all of the pilot that stays outside of cvmfsexec's namespaces.
 *
 * PID 1 execs it: CHILD, cvmfsexec, is its child already, and signals may be blocked and pending; none is lost.
 * cvmfsexec passes no signal on, so those that condor_master knows go to PAYLOAD, its pid as it is seen from here.
 * Ends as CHILD ends: with its status, or 128 + its signal; after 0 and 99 with the number in LEAVE_FILE, if any, but
 * for a stop that was asked for: that one is no reason to start again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EX_SOFTWARE = 70, ASK_MS = 1000, SOON_MS = 100 };
enum { SHUT_DOWN = 99 }; /* condor_master's, when its startd has been told to leave (DAEMON_SHUTDOWN) */
/* After PAYLOAD's end the clients are left alone for 2 s, and CHILD for 5: `docker stop` must see the end in time.
 * Late in a stop, when a stubborn job has used up its window, clients have a moment only. After CHILD's end, which
 * nobody asked for, PAYLOAD has the usual 10 s. */
enum { CLIENTS_MS = 2000, LATE_MS = 5000, MOMENT_MS = 300, CHILD_MS = 5000, PAYLOAD_MS = 10000 };
/* For those that are left in the end, and that no PID namespace takes along. */
enum { LAST_MS = 1000, LAST_POLL_MS = 10 };

struct pilot {
    pid_t child, payload;
    int status;    /* what a shell would call CHILD's */
    bool ended;    /* CHILD */
    bool gone;     /* PAYLOAD */
    int pidfd;     /* of PAYLOAD; -1 where the kernel or a seccomp profile has none */
    long since_ms; /* when one of the two had ended; 0 before */
    long told_ms;  /* when the first signal to stop came; 0 before */
};

static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void die(const char *text)
{
    say(text);
    exit(EX_SOFTWARE);
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A whole number in decimal digits, at most one newline behind it; -1 for anything else. */
static long number(const char *text, long most)
{
    long value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && value <= most; at++)
        value = value * 10 + (*at - '0');
    if (*at == '\n')
        at++;
    return at == text || *at || value > most ? -1 : value;
}

static pid_t process(const char *text)
{
    long pid = number(text, 1 << 22); /* the most that the kernel has */
    if (pid < 2)
        die("init: usage: init CHILD PAYLOAD LEAVE_FILE, the first two being process ids\n");
    return pid;
}

static int take_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_DFL); /* if ignored, the kernel would keep CHILD's status from us */
    int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        die("init: no signalfd\n");
    return fd;
}

static void reap(struct pilot *pilot)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == pilot->child) {
            pilot->ended = true;
            pilot->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    if (pid < 0 && errno == ECHILD && !pilot->ended)
        die("init: CHILD is not a child of this process\n");
}

/* A pid may be used again, a pidfd never is: PAYLOAD's end is looked for before each signal to its pid. */
static void look_for(struct pilot *pilot)
{
    struct pollfd end = {.fd = pilot->pidfd, .events = POLLIN};
    pilot->gone = pilot->gone || (pilot->pidfd >= 0 ? poll(&end, 1, 0) > 0 : kill(pilot->payload, 0) && errno == ESRCH);
}

/* As condor_master does as PID 1: SIGINT is nothing to it, and SIGUSR1 and SIGUSR2 only cost a line in its log. */
static void pass_on(struct pilot *pilot, int signals)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
        int sig = info.ssi_signo;
        look_for(pilot);
        if ((sig == SIGTERM || sig == SIGQUIT) && !pilot->told_ms)
            pilot->told_ms = now_ms();
        if ((sig == SIGTERM || sig == SIGQUIT || sig == SIGHUP) && !pilot->gone)
            kill(pilot->payload, sig);
    }
}

/* Where /proc is masked the cvmfs clients are orphans that came to us, and CHILD's last act is to unmount. One that
 * hangs would have it wait for ever; its end ends its mount. */
static void kill_others(pid_t child)
{
    int pid;
    FILE *children = fopen("/proc/thread-self/children", "re");
    while (children && fscanf(children, "%d", &pid) == 1)
        if (pid != child)
            kill(pid, SIGKILL);
    if (children)
        fclose(children);
}

/* Where there is no PID namespace, ours or cvmfsexec's, others live on when we end, and keep the cache locked. Clients
 * whose mounts are gone end by themselves, given a moment. */
static void end_all(long moment_ms)
{
    long begin = now_ms();
    while (now_ms() - begin < LAST_MS) {
        if (now_ms() - begin >= moment_ms)
            kill_others(0);
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0)
            return;
        poll(NULL, 0, LAST_POLL_MS);
    }
}

static long clients_ms(const struct pilot *pilot)
{
    return pilot->told_ms && pilot->since_ms - pilot->told_ms >= LATE_MS ? MOMENT_MS : CLIENTS_MS;
}

/* One of the two has ended. A condor_master that has lost cvmfsexec still has jobs to end in order. */
static void wind_up(struct pilot *pilot)
{
    if (!pilot->since_ms && (pilot->ended || pilot->gone)) {
        pilot->since_ms = now_ms();
        if (!pilot->gone)
            kill(pilot->payload, SIGTERM);
    }
    if (pilot->since_ms && !pilot->ended && now_ms() - pilot->since_ms >= clients_ms(pilot))
        kill_others(pilot->child);
}

/* How long to wait for the one that is left; -1 while both live. */
static long left_ms(const struct pilot *pilot)
{
    if (!pilot->since_ms)
        return -1;
    long left = pilot->since_ms + (pilot->ended ? PAYLOAD_MS : CHILD_MS) - now_ms();
    return left < 0 ? 0 : left;
}

static void wait_for_news(const struct pilot *pilot, int signals)
{
    int end = pilot->gone ? -1 : pilot->pidfd;
    struct pollfd news[] = {{.fd = signals, .events = POLLIN}, {.fd = end, .events = POLLIN}};
    long left = left_ms(pilot);
    long most = pilot->since_ms ? SOON_MS : pilot->pidfd < 0 ? ASK_MS : -1;
    poll(news, 2, most >= 0 && (left < 0 || left > most) ? most : left);
}

/* The pilot's own word for why it left. Opened so that neither a FIFO nor a link in its place does harm. */
static int leaving(const char *path, int status)
{
    char text[8] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    long value = length > 0 ? number(text, 255) : -1;
    return value > 0 ? value : status;
}

static int status_of(const struct pilot *pilot, const char *leave)
{
    if (pilot->status && pilot->status != SHUT_DOWN)
        return pilot->status;
    return pilot->told_ms ? 0 : leaving(leave, pilot->status);
}

int main(int argc, char **argv)
{
    struct pilot pilot = {0};
    pilot.child = process(argc == 4 ? argv[1] : "");
    pilot.payload = process(argv[2]);
    int signals = take_signals();
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1); /* docker run --init, Apptainer: orphans come to us */
    pilot.pidfd = syscall(SYS_pidfd_open, pilot.payload, 0);
    pilot.gone = pilot.pidfd < 0 && errno == ESRCH;
    for (;;) {
        reap(&pilot);
        look_for(&pilot);
        pass_on(&pilot, signals);
        wind_up(&pilot);
        if (pilot.ended && (pilot.gone || !left_ms(&pilot))) {
            end_all(MOMENT_MS);
            return status_of(&pilot, argv[3]);
        }
        if (pilot.since_ms && !left_ms(&pilot)) {
            say("init: condor_master has ended, cvmfsexec has not in 5 s: killed\n");
            kill(pilot.child, SIGKILL);
            end_all(0);
            return 128 + SIGKILL;
        }
        wait_for_news(&pilot, signals);
    }
}
