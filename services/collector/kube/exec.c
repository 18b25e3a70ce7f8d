/* A child process between two pipes: started, read without blocking, killed at its deadline. */
#include "services/collector/kube/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { COMPLAINT_BYTES = 1024, SHOWN_MAX = 60 };
#define INFO_NAME "KUBERNETES_EXEC_INFO"

struct kube_exec {
    const kube_plugin *plugin;
    pid_t pid; /* 0: reaped */
    int out, complaints;
    ov_buf output;
    char said[COMPLAINT_BYTES]; /* the end of what it wrote to its standard error */
    size_t said_len;
    ov_mono deadline;
    bool killed;
    ov_err why; /* it was killed */
    int status; /* of waitpid */
};

/* ---- the plugin ---- */

static void free_texts(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++) {
        explicit_bzero(texts[i], strlen(texts[i]));
        free(texts[i]);
    }
    free(texts);
}

void kube_plugin_free(kube_plugin *p)
{
    if (!p) return;
    free_texts(p->argv);
    free_texts(p->env);
    free(p->what);
    free(p->api_version);
    free(p->install_hint);
    free(p->cluster_config);
    free(p);
}

void kube_plugin_free_p(kube_plugin **p)
{
    kube_plugin_free(*p);
}

/* ---- starting ---- */

static bool names_same(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strncmp(a, b, len) == 0 && b[len] == '=';
}

static size_t count_texts(char *const *texts)
{
    size_t n = 0;
    while (texts && texts[n]) n++;
    return n;
}

static void put_variable(char **all, size_t *count, char *variable)
{
    for (size_t i = 0; i < *count; i++)
        if (names_same(variable, all[i])) {
            all[i] = variable;
            return;
        }
    all[(*count)++] = variable;
}

/* Ours, then the plugin's own, then what it is told: the last of one name counts. The texts stay where they are. */
static char **make_environment(const kube_plugin *p, char *info)
{
    size_t ours = count_texts(environ), count = 0;
    char **all = ov_calloc(ours + count_texts(p->env) + 2, sizeof *all);
    for (size_t i = 0; i < ours; i++) all[count++] = environ[i];
    for (size_t i = 0; p->env && p->env[i]; i++) put_variable(all, &count, p->env[i]);
    put_variable(all, &count, info);
    return all;
}

/* What this process ignores or blocks is no business of the child's. */
static int spawn(kube_exec *x, char **env, int out, int complaints)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&how) != 0) abort();
    int code = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&files, complaints, STDERR_FILENO);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &usual);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (code == 0) code = posix_spawnp(&x->pid, x->plugin->argv[0], &files, &how, x->plugin->argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    if (code != 0) x->pid = 0;
    return code;
}

static void close_end(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) == 0) return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
    ends[0] = ends[1] = -1;
    return false;
}

static ov_status fail_start(const kube_plugin *p, int code, ov_err *err)
{
    bool absent = code == ENOENT || code == EACCES;
    const char *hint = absent && p->install_hint ? p->install_hint : "";
    return ov_fail(err, OV_FAILED, "%s: \"%.*s\": %s%s%s", p->what, SHOWN_MAX, p->argv[0], strerror(code),
                   *hint ? ": " : "", hint);
}

static int start(kube_exec *x, const char *info)
{
    int out[2], complaints[2] = {-1, -1};
    bool open = open_pipe(out) && open_pipe(complaints);
    int code = open ? 0 : errno;
    x->out = out[0];
    x->complaints = complaints[0];
    if (open) {
        size_t len = sizeof INFO_NAME + strlen(info);
        OV_CLEANUP(ov_secret_buf_clear) ov_buf told = ov_secret_buf(len + 1); /* a proxy's password may be in it */
        ov_buf_printf(&told, INFO_NAME "=");
        ov_buf_append(&told, info, strlen(info) + 1);
        OV_CLEANUP(ov_free_p) char **env = make_environment(x->plugin, told.ptr);
        code = spawn(x, env, out[1], complaints[1]);
    }
    close_end(&out[1]);
    close_end(&complaints[1]);
    return code;
}

ov_status kube_exec_start(const kube_plugin *p, const char *info, ov_mono now, kube_exec **ret, ov_err *err)
{
    kube_exec *x = ov_zalloc(sizeof *x);
    x->plugin = p;
    x->deadline = ov_mono_after(now, KUBE_EXEC_MS);
    x->output = ov_secret_buf(KUBE_EXEC_OUTPUT_MAX + 1);
    int code = start(x, info);
    if (code != 0) {
        kube_exec_free(x);
        return fail_start(p, code, err);
    }
    *ret = x;
    return OV_OK;
}

/* ---- running ---- */

static void end(kube_exec *x)
{
    if (x->pid) kill(-x->pid, SIGKILL);
    x->killed = true;
}

static bool is_running(kube_exec *x)
{
    if (x->pid && waitpid(x->pid, &x->status, WNOHANG) == x->pid) x->pid = 0;
    return x->pid != 0;
}

static void read_output(kube_exec *x)
{
    for (;;) {
        size_t before = x->output.len, room = x->output.max - before;
        if (room == 0) return;
        char *place = ov_buf_extend(&x->output, room);
        ssize_t n = place ? read(x->out, place, room) : 0;
        x->output.len = before + (n > 0 ? (size_t)n : 0);
        if (n == 0 || (n < 0 && errno != EINTR)) return;
    }
}

static void read_complaints(kube_exec *x)
{
    char piece[COMPLAINT_BYTES / 2];
    for (ssize_t n; (n = read(x->complaints, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR);) {
        if (n < 0) continue;
        size_t len = (size_t)n, over = x->said_len + len > sizeof x->said ? x->said_len + len - sizeof x->said : 0;
        memmove(x->said, x->said + over, x->said_len - over);
        memcpy(x->said + x->said_len - over, piece, len);
        x->said_len += len - over;
    }
}

static ov_str last_line(const kube_exec *x)
{
    ov_str said = ov_str_trim((ov_str){x->said, x->said_len});
    size_t begin = said.len;
    while (begin && said.ptr[begin - 1] != '\n') begin--;
    return ov_str_trim(ov_str_sub(said, begin, said.len));
}

/* Foreign bytes go into a message as printable ASCII. */
static void show_last_line(const kube_exec *x, char *out, size_t size)
{
    ov_str line = last_line(x);
    size_t n = 0;
    for (; n < line.len && n + 1 < size; n++) out[n] = line.ptr[n] >= ' ' && line.ptr[n] <= '~' ? line.ptr[n] : '?';
    out[n] = '\0';
}

static ov_status fail_end(const kube_exec *x, ov_err *err)
{
    char line[COMPLAINT_BYTES];
    bool signalled = WIFSIGNALED(x->status);
    show_last_line(x, line, sizeof line);
    return ov_fail(err, OV_FAILED, "%s: \"%.*s\": ended with %s %d%s%s", x->plugin->what, SHOWN_MAX, x->plugin->argv[0],
                   signalled ? "signal" : "exit status", signalled ? WTERMSIG(x->status) : WEXITSTATUS(x->status),
                   *line ? ": " : "", line);
}

static void check_limits(kube_exec *x, ov_mono now)
{
    const char *what = x->plugin->what, *program = x->plugin->argv[0];
    if (x->killed) return;
    if (x->output.len > KUBE_EXEC_OUTPUT_MAX)
        ov_fail(&x->why, OV_FAILED, "%s: \"%.*s\": printed more than %d bytes", what, SHOWN_MAX, program,
                KUBE_EXEC_OUTPUT_MAX);
    else if (ov_mono_since(now, x->deadline) >= 0)
        ov_fail(&x->why, OV_FAILED, "%s: \"%.*s\": did not end within %d s", what, SHOWN_MAX, program,
                KUBE_EXEC_MS / 1000);
    if (x->why.msg[0]) end(x);
}

ov_status kube_exec_poll(kube_exec *x, ov_mono now, ov_str *ret_output, ov_err *err)
{
    bool running = is_running(x); /* before reading: what it wrote is then all in the pipes */
    read_output(x);
    read_complaints(x);
    if (running || x->output.len > KUBE_EXEC_OUTPUT_MAX) check_limits(x, now);
    if (running) return OV_RETRY;
    if (x->killed) return ov_fail(err, OV_FAILED, "%s", x->why.msg);
    if (!WIFEXITED(x->status) || WEXITSTATUS(x->status) != 0) return fail_end(x, err);
    *ret_output = ov_buf_str(&x->output);
    return OV_OK;
}

void kube_exec_free(kube_exec *x)
{
    if (!x) return;
    if (is_running(x)) {
        end(x);
        while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    close_end(&x->out);
    close_end(&x->complaints);
    ov_secret_buf_clear(&x->output);
    explicit_bzero(x->said, sizeof x->said);
    free(x);
}
