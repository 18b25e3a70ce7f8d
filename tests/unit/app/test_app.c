/* The life of a program, run as a child: settings, health, readiness, signals, exit statuses. */
#include "app/app.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/listen.h"
#include "support/check.h"
#include "support/http.h"

#include "base/poison.h"

enum { LOG_MAX = 65536, WAIT_SECONDS = 20 };

/* ---- the service: what it does is a setting ---- */

enum { DO_RUN, DO_END, DO_FAIL, DO_REFUSE, DO_BREAK, DO_HANG };
static const char *const deeds[] = {"run", "end", "fail", "refuse", "break", "hang", NULL};

static struct {
    char *address;
    int deed;
} settings;

static const ov_setting table[] = {
    {.flag = "address", .type = OV_SET_TEXT, .offset = 0, .fallback = "127.0.0.1:0", .help = "where to listen"},
    {.flag = "deed",
     .type = OV_SET_CHOICE,
     .offset = sizeof(char *),
     .fallback = "run",
     .choices = deeds,
     .help = "what to do"},
};

typedef struct {
    ov_app *app;
    ov_inbox *stopping;
} service;

static void wake(void *arg)
{
    ov_inbox_stop(arg);
}

static void answer_ready(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    service *s = ctx;
    a->status = 204;
    ov_app_set_waiting(s->app, "%.*s", OV_STR_ARG(ov_http_query(r, "for")));
}

static ov_status start(ov_app *app, void *target, void **ret_service, ov_err *err)
{
    (void)target;
    service *s = ov_zalloc(sizeof *s);
    *s = (service){app, ov_inbox_new(1, NULL)};
    *ret_service = s;
    ov_app_on_stop(app, wake, s->stopping);
    if (settings.deed == DO_REFUSE) return ov_fail(err, OV_INVALID, "--deed: \"refuse\": expected another");
    if (settings.deed == DO_BREAK) return ov_fail(err, OV_FAILED, "broken");
    ov_http_route routes[] = {{"POST", "/waiting", OV_HTTP_OPEN, answer_ready, "wait", 0, 0, s}};
    ov_httpd_options o = {.address = settings.address, .routes = routes, .route_count = 1};
    return ov_app_serve(app, OV_APP_HEALTH | OV_APP_METRICS, &o, err);
}

static ov_status loop(ov_app *app, void *arg, ov_err *err)
{
    service *s = arg;
    ov_app_set_waiting(app, "stream %s", "X");
    if (settings.deed == DO_FAIL) return ov_fail(err, OV_FAILED, "lost");
    if (settings.deed == DO_END) ov_app_stop(app);
    while (!ov_app_stopping(app)) (void)ov_inbox_take(s->stopping, ov_mono_after(ov_mono_now(), 60000));
    return OV_OK;
}

static void drain(ov_app *app, void *arg)
{
    service *s = arg;
    ov_log_info("draining", "stopped", ov_inbox_is_stopped(s->stopping) ? "yes" : "no", "bus",
                ov_app_bus(app) ? "yes" : "no");
    while (settings.deed == DO_HANG) pause();
}

static void service_free(void *arg)
{
    service *s = arg;
    ov_inbox_free(s->stopping);
    free(s);
    ov_log_info("freed");
}

/* ---- the child ---- */

typedef struct {
    pid_t pid;
    FILE *errors;
    ov_buf log; /* what it has written so far */
} child;

static child child_start(const char *const *arguments, bool optional_bus)
{
    int pipes[2];
    if (pipe(pipes) != 0) abort();
    fflush(NULL);
    child c = {.pid = fork(), .log = OV_BUF(LOG_MAX)};
    if (c.pid < 0) abort();
    if (c.pid == 0) {
        static char memory[8][64];
        char *argv[8] = {memory[0]};
        int argc = 1;
        for (; arguments[argc - 1]; argc++) argv[argc] = memory[argc];
        for (int i = 1; i < argc; i++) snprintf(memory[i], sizeof memory[i], "%s", arguments[i - 1]);
        dup2(pipes[1], STDERR_FILENO);
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        alarm(WAIT_SECONDS);
        const ov_app_program program = {.name = "example",
                                        .purpose = "shows",
                                        .settings = table,
                                        .setting_count = 2,
                                        .target = &settings,
                                        .health_flag = "address",
                                        .optional_bus = optional_bus,
                                        .start = start,
                                        .loop = loop,
                                        .drain = drain,
                                        .free = service_free};
        exit(ov_app_main(&program, argc, argv));
    }
    close(pipes[1]);
    c.errors = fdopen(pipes[0], "r");
    return c;
}

/* Reads the child's log until the text is in a line; the line, or NULL at the end. */
static const char *child_line(child *c, const char *text)
{
    static char line[2048];
    while (fgets(line, sizeof line, c->errors)) {
        ov_buf_append_c(&c->log, line);
        if (strstr(line, text)) return line;
    }
    return NULL;
}

static unsigned child_port(child *c)
{
    const char *line = child_line(c, "msg=listening"), *port = line ? strstr(line, "port=") : NULL;
    return port ? (unsigned)strtoul(port + 5, NULL, 10) : 0;
}

/* The exit status, -1 when a signal ended it. */
static int child_end(child *c)
{
    int status;
    while (child_line(c, "\n")) continue;
    waitpid(c->pid, &status, 0);
    fclose(c->errors);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool logged(child *c, const char *text)
{
    return memmem(c->log.ptr, c->log.len, text, strlen(text)) != NULL;
}

/* ---- the checks ---- */

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define BUS "--nats.url=nats://127.0.0.1:1"

static void check_answer(unsigned port, const char *target, int status, const char *body)
{
    char request[128];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    test_http_reply reply = test_http_ask(port, request);
    CHECK_INT(reply.status, status);
    if (body) CHECK_C(reply.body, body);
    test_http_reply_clear(&reply);
}

static void health_is_told(void)
{
    child c = child_start(ARGUMENTS(BUS), false);
    unsigned port = child_port(&c);
    CHECK(child_line(&c, "for=\"stream X\""));
    check_answer(port, "GET /healthz", 200, "ok");
    check_answer(port, "GET /readyz", 503, "waiting for stream X");
    check_answer(port, "POST /waiting?for=", 204, NULL);
    check_answer(port, "GET /readyz", 200, "ok");
    check_answer(port, "POST /waiting?for=the+bus", 204, NULL);
    check_answer(port, "GET /readyz", 503, "waiting for the bus");
    test_http_reply reply = test_http_ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_INT(reply.status, 200);
    CHECK(strstr(reply.body, "\nopvic_bus_connected 0\n"));
    CHECK(strstr(reply.body, "\nopvic_bus_reconnects_total 0\n"));
    CHECK(strstr(reply.body, "opvic_build_info{service=\"example\","));
    test_http_reply_clear(&reply);
    kill(c.pid, SIGUSR1); /* means nothing from outside */
    check_answer(port, "GET /healthz", 200, "ok");
    kill(c.pid, SIGTERM);
    CHECK_INT(child_end(&c), 0);
    CHECK(logged(&c, "msg=stopping signal=SIGTERM"));
    CHECK(logged(&c, "msg=draining stopped=yes bus=yes"));
    CHECK(logged(&c, "msg=freed"));
    CHECK(logged(&c, "msg=ready"));
    ov_buf_clear(&c.log);
}

static void a_program_may_do_without_a_bus(void)
{
    child c = child_start(ARGUMENTS("--deed=run"), true);
    unsigned port = child_port(&c);
    test_http_reply reply = test_http_ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(reply.body && !strstr(reply.body, "opvic_bus_connected"));
    test_http_reply_clear(&reply);
    kill(c.pid, SIGINT);
    CHECK_INT(child_end(&c), 0);
    CHECK(logged(&c, "msg=draining stopped=yes bus=no"));
    ov_buf_clear(&c.log);
}

static void a_second_signal_ends_it(void)
{
    child c = child_start(ARGUMENTS(BUS, "--deed=hang"), false);
    child_port(&c);
    kill(c.pid, SIGTERM);
    CHECK(child_line(&c, "msg=draining"));
    kill(c.pid, SIGTERM);
    CHECK_INT(child_end(&c), 1);
    CHECK(logged(&c, "second signal"));
    ov_buf_clear(&c.log);
}

static void ends_have_their_status(void)
{
    static const struct {
        const char *argument;
        int status;
        const char *log;
        bool drained;
    } rows[] = {
        {"--deed=end", 0, "msg=stopped", true},
        {"--deed=fail", 1, "msg=failed error=lost", true},
        {"--deed=refuse", 2, "msg=\"cannot start\" error=\"--deed: \\\"refuse\\\": expected another\"", false},
        {"--deed=break", 1, "msg=\"cannot start\" error=broken", false},
        {"--address=x", 2, "error=\"listen on x: expected host:port or :port\"", false},
        {"--nats.url=http://x", 2,
         "msg=\"cannot start\" error=\"--nats.url or NATS_URL: \\\"http://x\\\": expected nats://", false},
        {"--nats.url=", 2, "error=\"--nats.url or NATS_URL: missing", false},
        {"--deed=odd", 2, "opvic-example: --deed: \"odd\": expected one of run, end, fail, refuse, break, hang\n",
         false},
        {"--log.level=loud", 2, "opvic-example: --log.level: \"loud\": expected one of debug, info, warn, error\n",
         false},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].argument);
        child c = child_start(ARGUMENTS(BUS, rows[i].argument), false);
        CHECK_INT(child_end(&c), rows[i].status);
        CHECK(logged(&c, rows[i].log));
        CHECK(logged(&c, "msg=draining") == rows[i].drained);
        ov_buf_clear(&c.log);
    }
    check_case(NULL);
}

static void a_taken_port_is_said(void)
{
    child first = child_start(ARGUMENTS(BUS), false);
    char address[64], text[128];
    snprintf(address, sizeof address, "--address=127.0.0.1:%u", child_port(&first));
    snprintf(text, sizeof text, "error=\"listen on %s: Address already in use\"", address + 10);
    child second = child_start(ARGUMENTS(BUS, address), false);
    CHECK_INT(child_end(&second), 1);
    CHECK(logged(&second, text));
    kill(first.pid, SIGTERM);
    CHECK_INT(child_end(&first), 0);
    ov_buf_clear(&first.log);
    ov_buf_clear(&second.log);
}

/* One that answers as no service does: one connection, the given bytes, the end. The child's port. */
static unsigned answer_once(const char *bytes, pid_t *pid)
{
    int fd;
    unsigned port;
    if (ov_http_listen("127.0.0.1:0", &fd, &port, NULL) != OV_OK) abort();
    fflush(NULL);
    *pid = fork();
    if (*pid != 0) {
        close(fd);
        return port;
    }
    alarm(WAIT_SECONDS);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    poll(&waiting, 1, -1);
    int peer = accept(fd, NULL, NULL);
    char request[1024];
    if (recv(peer, request, sizeof request, 0) > 0) send(peer, bytes, strlen(bytes), MSG_NOSIGNAL);
    _exit(0);
}

static void check_probe(unsigned port, int status, const char *says)
{
    char address[64];
    snprintf(address, sizeof address, "--address=127.0.0.1:%u", port);
    child probe = child_start(ARGUMENTS(BUS, address, "--probe"), false);
    CHECK_INT(child_end(&probe), status);
    CHECK(logged(&probe, says));
    ov_buf_clear(&probe.log);
}

static void a_probe_asks_the_one_that_runs(void)
{
    child c = child_start(ARGUMENTS(BUS), false);
    unsigned port = child_port(&c);
    CHECK(child_line(&c, "for=\"stream X\""));
    check_probe(port, 1, "opvic-example: waiting for stream X\n");
    check_answer(port, "POST /waiting?for=", 204, NULL);
    check_probe(port, 0, "opvic-example: ok\n");
    kill(c.pid, SIGTERM);
    CHECK_INT(child_end(&c), 0);
    check_probe(port, 1, "Connection refused\n");
    check_probe(0, 1, "opvic-example: connect to 127.0.0.1:0: expected host:port or :port, no port 0\n");
    ov_buf_clear(&c.log);
}

static void a_probe_believes_no_stranger(void)
{
    static const struct {
        const char *bytes;
        int status;
        const char *says;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\nok", 0, "opvic-example: ok\n"},
        {"HTTP/1.1 500 No\r\n\r\nbroken", 1, "opvic-example: broken\n"},
        {"HTTP/1.1 200 OK\r\n", 1, "opvic-example: no answer\n"},
        {"SSH-2.0-x\r\n\r\n", 1, "opvic-example: no answer\n"},
        {"", 1, "opvic-example: no answer\n"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].bytes);
        pid_t pid;
        check_probe(answer_once(rows[i].bytes, &pid), rows[i].status, rows[i].says);
        waitpid(pid, NULL, 0);
    }
    check_case(NULL);
}

int main(void)
{
    a_probe_asks_the_one_that_runs();
    a_probe_believes_no_stranger();
    health_is_told();
    a_program_may_do_without_a_bus();
    a_second_signal_ends_it();
    ends_have_their_status();
    a_taken_port_is_said();
    return check_end();
}
