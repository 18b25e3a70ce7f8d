/* Runs nats-server as a child process of a test. */
#include "support/nats.h"

#include <errno.h>
#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { START_MS = 20000, POLL_MS = 5, SKIPPED = 77 };

struct test_nats {
    char program[512];
    char folder[256];
    char config[300], store[300], log[300];
    char url[64];
    unsigned port;
    pid_t pid; /* 0: not running */
};

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* ---- the program ---- */

static bool try_program(char out[512], const char *folder, size_t len, const char *name)
{
    snprintf(out, 512, "%.*s%s%s", (int)len, folder, len ? "/" : "", name);
    return access(out, X_OK) == 0;
}

static bool search_path(char out[512])
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        if (len && try_program(out, path, len, "nats-server")) return true;
        path += len + (path[len] == ':');
    }
    return false;
}

static void find_program(char out[512])
{
    const char *set = getenv("NATS_SERVER");
    if (set && *set && try_program(out, "", 0, set)) return;
    if (search_path(out) || try_program(out, "", 0, "/usr/sbin/nats-server")) return;
    const char *required = getenv("OPVIC_REQUIRE_TOOLS");
    bool must = required && *required == '1';
    fprintf(must ? stderr : stdout, "%s: nats-server not found\n", must ? "failed" : "skipped");
    exit(must ? EXIT_FAILURE : SKIPPED);
}

/* ---- folder and port ---- */

static void make_folder(test_nats *n, const char *config)
{
    const char *base = getenv("TMPDIR");
    snprintf(n->folder, sizeof n->folder, "%.200s/opvic-nats-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(n->folder)) fail(n->folder);
    snprintf(n->config, sizeof n->config, "%s/nats.conf", n->folder);
    snprintf(n->store, sizeof n->store, "%s/store", n->folder);
    snprintf(n->log, sizeof n->log, "%s/nats.log", n->folder);
    FILE *f = fopen(n->config, "we");
    if (!f) fail(n->config);
    fprintf(f, "jetstream { store_dir: \"%s\", max_mem: 1G, max_file: 4G }\n%s\n", n->store, config ? config : "");
    fclose(f);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s, (void)type, (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct sockaddr_in local_address(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/* The server writes its ports into a file; one given beforehand could be taken by another test meanwhile. */
static bool read_ports_file(test_nats *n)
{
    char path[400], text[1024];
    snprintf(path, sizeof path, "%s/nats-server_%d.ports", n->folder, (int)n->pid);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    const char *at = strstr(text, "//127.0.0.1:"); /* behind nats: or tls: */
    return at && sscanf(at, "//127.0.0.1:%u", &n->port) == 1;
}

static bool answers(unsigned port)
{
    struct sockaddr_in a = local_address(port);
    char bytes[8] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && poll(&p, 1, 1000) == 1 &&
              recv(fd, bytes, 5, 0) == 5 && memcmp(bytes, "INFO ", 5) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

/* ---- the process ---- */

static void run(const test_nats *n, const char *port)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen(n->log, "a", stderr)) _exit(126);
    dup2(fileno(stderr), fileno(stdout));
    execl(n->program, "nats-server", "-c", n->config, "-a", "127.0.0.1", "-p", port, "--ports_file_dir", n->folder,
          (char *)NULL);
    _exit(127);
}

static void check_running(test_nats *n)
{
    int status;
    if (waitpid(n->pid, &status, WNOHANG) != n->pid) return;
    fprintf(stderr, "nats-server ended at its start, see %s\n", n->log);
    exit(EXIT_FAILURE);
}

void test_nats_start(test_nats *n)
{
    char port[16];
    snprintf(port, sizeof port, "%d", n->port ? (int)n->port : -1);
    n->pid = fork();
    if (n->pid < 0) fail("fork");
    if (n->pid == 0) run(n, port);
    ov_mono deadline = ov_mono_after(ov_mono_now(), START_MS);
    while ((n->port == 0 && !read_ports_file(n)) || !answers(n->port)) {
        check_running(n);
        if (ov_mono_since(ov_mono_now(), deadline) > 0) fail("nats-server does not answer");
        pause_ms(POLL_MS);
    }
    snprintf(n->url, sizeof n->url, "nats://127.0.0.1:%u", n->port);
}

static void end(test_nats *n, int with)
{
    if (n->pid <= 0) return;
    kill(n->pid, with);
    waitpid(n->pid, NULL, 0);
    n->pid = 0;
}

void test_nats_stop(test_nats *n)
{
    end(n, SIGTERM);
}

void test_nats_kill(test_nats *n)
{
    end(n, SIGKILL);
}

void test_nats_freeze(test_nats *n)
{
    kill(n->pid, SIGSTOP);
    while (waitpid(n->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
    } /* it stops a little later */
}

void test_nats_thaw(test_nats *n)
{
    kill(n->pid, SIGCONT);
}

void test_nats_wipe(test_nats *n)
{
    remove_tree(n->store);
}

test_nats *test_nats_new(const char *config)
{
    test_nats *n = calloc(1, sizeof *n);
    if (!n) abort();
    find_program(n->program);
    make_folder(n, config);
    test_nats_start(n);
    return n;
}

void test_nats_free(test_nats *n)
{
    if (!n) return;
    end(n, SIGKILL);
    remove_tree(n->folder);
    free(n);
}

const char *test_nats_url(const test_nats *n)
{
    return n->url;
}

unsigned test_nats_port(const test_nats *n)
{
    return n->port;
}
