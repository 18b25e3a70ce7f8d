/* Certificates of a request's own: who is trusted, who we are, under which name a server is asked. */
#include "fetch/fetch.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support/check.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

typedef struct {
    char folder[64];
    pid_t pid;
    int ends_with; /* the server's standard input */
    unsigned port, named_port;
    char *ca, *other_ca, *cert, *key;
} tls_server;

static char *read_pem(const tls_server *s, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return check_read_file(path, NULL);
}

static void run_server(const char *folder, const int in[2], const int out[2])
{
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[0]), close(in[1]), close(out[0]), close(out[1]);
    execl("/usr/bin/python3", "python3", "tests/support/tls.py", folder, (char *)NULL);
    _exit(127);
}

static void server_start(tls_server *s)
{
    int in[2], out[2];
    snprintf(s->folder, sizeof s->folder, "/tmp/opvic-tls-XXXXXX");
    if (!mkdtemp(s->folder) || pipe(in) != 0 || pipe(out) != 0 || (s->pid = fork()) < 0) abort();
    if (s->pid == 0) run_server(s->folder, in, out);
    close(in[0]), close(out[1]);
    s->ends_with = in[1];
    FILE *said = fdopen(out[0], "r");
    if (!said || fscanf(said, "%u %u", &s->port, &s->named_port) != 2) {
        fprintf(stderr, "tests/support/tls.py did not start\n");
        exit(EXIT_FAILURE);
    }
    fclose(said);
    s->ca = read_pem(s, "ca.pem");
    s->other_ca = read_pem(s, "other-ca.pem");
    s->cert = read_pem(s, "client.pem");
    s->key = read_pem(s, "client.key");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void server_stop(tls_server *s)
{
    close(s->ends_with);
    waitpid(s->pid, NULL, 0);
    (void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(s->ca), free(s->other_ca), free(s->cert), free(s->key);
}

typedef enum { CA_NONE, CA_RIGHT, CA_OTHER, CA_GARBAGE } ca_choice;

static const struct {
    const char *name;
    bool named; /* the server that is kube.example and demands a certificate */
    const char *path;
    bool no_tls;
    ca_choice ca;
    bool insecure, client;
    const char *server_name;
    ov_fetch_failure failure;
    const char *body;
} cases[] = {
    {"nothing said", .path = "/x", .no_tls = true, .failure = OV_FETCH_TLS},
    {"the system's certificates", .path = "/x", .failure = OV_FETCH_TLS},
    {"another authority", .path = "/x", .ca = CA_OTHER, .failure = OV_FETCH_TLS},
    {"no authority at all", .path = "/x", .ca = CA_GARBAGE, .failure = OV_FETCH_TLS},
    {"the right authority", .path = "/x", .ca = CA_RIGHT, .body = "/x host=127.0.0.1:PORT sni=None client=None"},
    {"insecure", .path = "/x", .insecure = true, .body = "/x host=127.0.0.1:PORT sni=None client=None"},
    {"a certificate that nobody asks for", .path = "/x", .ca = CA_RIGHT, .client = true,
     .body = "/x host=127.0.0.1:PORT sni=None client=client"},
    {"another name than the certificate's", true, "/x", .ca = CA_RIGHT, .client = true, .failure = OV_FETCH_TLS},
    {"the certificate's name", true, "/x", .ca = CA_RIGHT, .client = true, .server_name = "kube.example",
     .body = "/x host=127.0.0.1:PORT sni=kube.example client=client"},
    {"a name that the certificate lacks", true, "/x", .ca = CA_RIGHT, .client = true, .server_name = "x.example",
     .failure = OV_FETCH_TLS},
    {"an address as the name", .path = "/x", .ca = CA_RIGHT, .server_name = "127.0.0.1",
     .body = "/x host=127.0.0.1:PORT sni=None client=None"},
    {"no name", .path = "/x", .ca = CA_RIGHT, .server_name = "kube.example/y", .failure = OV_FETCH_UNSUPPORTED},
    {"an empty name", .path = "/x", .ca = CA_RIGHT, .server_name = "", .failure = OV_FETCH_UNSUPPORTED},
    {"insecure under a name", true, "/x", .insecure = true, .client = true, .server_name = "x.example",
     .body = "/x host=127.0.0.1:PORT sni=x.example client=client"},
    {"a redirect at home", .path = "/go", .ca = CA_RIGHT, .client = true,
     .body = "/there host=127.0.0.1:PORT sni=None client=client"},
    {"a redirect at home under a name", true, "/go", .ca = CA_RIGHT, .client = true, .server_name = "kube.example",
     .body = "/there host=127.0.0.1:PORT sni=kube.example client=client"},
    {"a redirect away trusts what all trust", true, "/away", .ca = CA_RIGHT, .client = true,
     .server_name = "kube.example", .failure = OV_FETCH_TLS},
    {"a redirect away is not insecure", true, "/away", .insecure = true, .client = true, .failure = OV_FETCH_TLS},
};

static ov_fetch_tls tls_of(const tls_server *s, size_t i)
{
    const char *const authorities[] = {"", s->ca, s->other_ca, "-----BEGIN CERTIFICATE-----\nx\n"};
    ov_fetch_tls tls = {.server_name = cases[i].server_name, .insecure = cases[i].insecure};
    tls.ca = ov_str_of(authorities[cases[i].ca]);
    if (cases[i].client) tls.cert = ov_str_of(s->cert), tls.key = ov_str_of(s->key);
    return tls;
}

static void want_body(const char *pattern, unsigned port, char *out, size_t size)
{
    const char *at = strstr(pattern, "PORT");
    snprintf(out, size, "%.*s%u%s", (int)(at - pattern), pattern, port, at + strlen("PORT"));
}

/* One client for all, so that a connection of one case must not serve another. */
static void test_cases(const tls_server *s)
{
    ov_fetch_policy all = {.allow_all = true};
    ov_err err = {0};
    ov_fetch *f = NULL;
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(1000);
        char url[64], want[128];
        unsigned port = cases[i].named ? s->named_port : s->port;
        check_case(cases[i].name);
        snprintf(url, sizeof url, "https://127.0.0.1:%u%s", port, cases[i].path);
        ov_fetch_tls tls = tls_of(s, i);
        ov_fetch_request q = {.url = url,
                              .tls = cases[i].no_tls ? NULL : &tls,
                              .proxy = "",
                              .policy = &all,
                              .redirects_max = 2,
                              .total_ms = 20000,
                              .on_body = ov_fetch_into_buf,
                              .arg = &body};
        ov_fetch_result r;
        ov_fetch_run(f, &q, &r);
        if (!CHECK_C(ov_fetch_failure_name(r.failure), ov_fetch_failure_name(cases[i].failure)))
            fprintf(stderr, "  text: %s\n", r.text);
        if (!cases[i].body) continue;
        want_body(cases[i].body, port, want, sizeof want);
        CHECK_STR(ov_buf_str(&body), ov_str_of(want));
    }
    check_case(NULL);
    ov_fetch_free(f);
}

static void on_done(void *arg, const ov_fetch_result *r)
{
    *(ov_fetch_result *)arg = *r;
}

/* What a request without redirects reads at its start may be wiped right behind it. */
static void test_read_at_start(const tls_server *s)
{
    ov_fetch_policy all = {.allow_all = true};
    ov_err err = {0};
    ov_fetch_loop *l = NULL;
    CHECK_OK(ov_fetch_loop_new("opvic-test", NULL, &l, &err), &err);
    char *ca = ov_dup(ov_str_of(s->ca)), *cert = ov_dup(ov_str_of(s->cert)), *key = ov_dup(ov_str_of(s->key));
    char *name = ov_dup(OV_STR("kube.example")), *url = ov_zalloc(128), *proxy = ov_dup(OV_STR(""));
    snprintf(url, 128, "https://127.0.0.1:%u/x", s->named_port);
    ov_secret *bearer = ov_secret_new(OV_STR("b"));
    ov_fetch_tls *tls = ov_zalloc(sizeof *tls);
    *tls = (ov_fetch_tls){ov_str_of(ca), ov_str_of(cert), ov_str_of(key), name, false};
    ov_fetch_result r = {.failure = OV_FETCH_STOPPED, .status = 0};
    ov_fetch_request q = {.url = url, .tls = tls, .proxy = proxy, .bearer = bearer, .policy = &all, .total_ms = 20000};
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &r, &err), &err);
    free(ca), free(cert), free(key), free(name), free(url), free(proxy), free(tls);
    ov_secret_free(bearer);
    ov_mono until = ov_mono_after(ov_mono_now(), 30000);
    while (r.failure == OV_FETCH_STOPPED && ov_mono_since(until, ov_mono_now()) > 0) ov_fetch_loop_wait(l, 1000);
    CHECK_C(ov_fetch_failure_name(r.failure), "ok");
    CHECK_INT(r.status, 200);
    ov_fetch_loop_free(l);
}

/* A request's own proxy counts, and so does its wish for none. */
static void test_proxy(void)
{
    static const canned_route routes[] = {
        {"http://example.invalid/x", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .after = CANNED_CLOSE},
        {"/x", "HTTP/1.1 204 Direct\r\n\r\n", .after = CANNED_CLOSE},
    };
    canned server;
    canned_start(&server, routes, OV_COUNT(routes));
    char proxy[64], direct[128];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", server.port);
    snprintf(direct, sizeof direct, "%s/x", proxy);
    ov_fetch_policy all = {.allow_all = true};
    ov_err err = {0};
    ov_fetch *f = NULL;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    unsetenv("http_proxy");
    ov_fetch_result r;
    ov_fetch_request q = {.url = "http://example.invalid/x", .proxy = proxy, .policy = &all, .total_ms = 20000};
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 200);
    q.url = direct;
    q.proxy = "";
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 204);
    q.proxy = NULL;
    ov_fetch_run(f, &q, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "unreachable");
    ov_fetch_free(f);
    canned_stop(&server);
}

int main(void)
{
    tls_server server = {0};
    server_start(&server);
    test_cases(&server);
    test_read_at_start(&server);
    test_proxy();
    server_stop(&server);
    return check_end();
}
