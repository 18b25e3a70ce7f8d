/* Asks the running service of this program, at the address of its settings, whether it is ready. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/state.h"
#include "httpd/listen.h"

#include "base/poison.h"

enum { ANSWER_MAX = 4096, STEP_MS = 2000, WHOLE_MS = 4000 };

const ov_setting ov_probe_table[] = {
    {.flag = "probe",
     .type = OV_SET_BOOL,
     .offset = 0,
     .fallback = "false",
     .help =
         "ask the service that runs with these settings whether it is ready, then end: status 0 when it is, else 1"},
};
const size_t ov_probe_table_count = OV_COUNT(ov_probe_table);

static const char *address_of(const ov_app_program *program)
{
    for (size_t i = 0; program->health_flag && i < program->setting_count; i++)
        if (strcmp(program->settings[i].flag, program->health_flag) == 0)
            return *(char **)((char *)program->target + program->settings[i].offset);
    return NULL;
}

static bool send_request(int fd)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1;
}

/* The answer up to its end, or to what fits; each piece may take STEP_MS, all of them WHOLE_MS. */
static void receive(int fd, ov_buf *out)
{
    ov_mono end = ov_mono_after(ov_mono_now(), WHOLE_MS);
    char piece[512];
    while (!out->failed && ov_mono_since(ov_mono_now(), end) < 0) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        ov_buf_append(out, piece, (size_t)n);
    }
}

/* True for status 200; *text becomes the body, or what is wrong. */
static bool is_ready(ov_str answer, ov_str *text)
{
    const char *body = answer.len ? memmem(answer.ptr, answer.len, "\r\n\r\n", 4) : NULL;
    if (!body || !ov_str_starts(answer, OV_STR("HTTP/1.1 "))) {
        *text = OV_STR("no answer");
        return false;
    }
    *text = ov_str_sub(answer, (size_t)(body - answer.ptr) + 4, answer.len);
    return ov_str_starts(answer, OV_STR("HTTP/1.1 200 "));
}

int ov_app_probe(const ov_app_program *program)
{
    const char *address = address_of(program);
    ov_err err = {0};
    int fd;
    if (!address || ov_http_dial(address, STEP_MS, &fd, &err) != OV_OK) {
        fprintf(stderr, "opvic-%s: %s\n", program->name, address ? err.msg : "it listens nowhere");
        return 1;
    }
    OV_CLEANUP(ov_buf_clear) ov_buf answer = OV_BUF(ANSWER_MAX);
    if (send_request(fd)) receive(fd, &answer);
    close(fd);
    ov_str text;
    bool ready = is_ready(ov_buf_str(&answer), &text);
    fprintf(ready ? stdout : stderr, "opvic-%s: %.*s\n", program->name, OV_STR_ARG(text));
    return ready ? 0 : 1;
}
