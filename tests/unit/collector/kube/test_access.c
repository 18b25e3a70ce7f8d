/* Access that lasts: files that are renewed, plugins that answer, fail, hang and lie, a pod's service account. */
#include "services/collector/kube/access.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "support/check.h"
#include "base/poison.h"

#define CA_TEXT "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
#define OTHER_CA_TEXT "-----BEGIN CERTIFICATE-----\nother\n-----END CERTIFICATE-----\n"
#define CERT_JSON "-----BEGIN CERTIFICATE-----\\ncl"
#define KEY_JSON "-----BEGIN EC PRIVATE KEY-----\\nk"
enum { WAIT_MS = 20000, MINUTE_MS = 60000 };

static char folder[] = "/tmp/opvic-access-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) abort();
}

static void write_script(const char *name, const char *text)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "#!/bin/sh\ncd '%s'\necho x >>runs\n%s\n", folder, text);
    write_file(name, whole);
    if (chmod(in_folder(name), 0700) != 0) abort();
}

static void take_away(const char *name)
{
    (void)unlink(in_folder(name));
}

/* How often plugins ran since the last call. */
static size_t runs(void)
{
    struct stat st;
    size_t n = stat(in_folder("runs"), &st) == 0 ? (size_t)st.st_size / 2 : 0;
    take_away("runs");
    return n;
}

static kube_access *open_config(const char *text)
{
    kube_access *a = NULL;
    ov_err err = {0};
    char path[200];
    write_file("config", text);
    snprintf(path, sizeof path, "%s", in_folder("config"));
    CHECK_OK(kube_access_open(&(kube_access_options){.kubeconfig = path}, &a, &err), &err);
    if (!a) exit(check_end());
    return a;
}

#define CONFIG(cluster, user)                                                     \
    "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n" \
    "clusters: [{name: k, cluster: {server: \"https://h:6443\"" cluster "}}]\n"   \
    "users: [{name: u, user: {" user "}}]\n"
#define PLUGIN(more) CONFIG("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin" more "}")

static ov_mono at(int64_t ms)
{
    return (ov_mono){ms};
}

static ov_wall wall(const char *text)
{
    ov_wall w = {0};
    ov_err err = {0};
    CHECK_OK(ov_wall_parse(ov_str_of(text), &w, &err), &err);
    return w;
}

#define NOON "2026-01-01T12:00:00Z"

/* Asks again while a plugin runs. */
static ov_status prepare(kube_access *a, int64_t ms, const char *time_text, kube_credentials *ret, ov_err *err)
{
    ov_mono until = ov_mono_after(ov_mono_now(), WAIT_MS);
    for (;;) {
        ov_status st = kube_access_prepare(a, at(ms), wall(time_text), ret, err);
        if (st != OV_RETRY || ov_mono_since(ov_mono_now(), until) > 0) return st;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static void want_bearer(kube_access *a, int64_t ms, const char *time_text, const char *want)
{
    kube_credentials c = {0};
    ov_err err = {0};
    if (CHECK_OK(prepare(a, ms, time_text, &c, &err), &err)) CHECK_STR(ov_secret_text(c.bearer), ov_str_of(want));
}

static void want_failure(kube_access *a, int64_t ms, const char *end)
{
    kube_credentials c = {0};
    ov_err err = {0};
    CHECK_STATUS(prepare(a, ms, NOON, &c, &err), OV_FAILED, &err);
    if (!CHECK(ov_str_ends(ov_str_of(err.msg), ov_str_of(end)))) fprintf(stderr, "  message: %s\n", err.msg);
}

/* ---- files ---- */

static void test_token_file(void)
{
    write_file("token", " first\n");
    kube_access *a = open_config(CONFIG("", "tokenFile: token"));
    want_bearer(a, 1000, NOON, "first");
    write_file("token", "second");
    want_bearer(a, 1000 + MINUTE_MS - 1, NOON, "first");
    want_bearer(a, 1000 + MINUTE_MS, NOON, "second");
    take_away("token");
    want_bearer(a, 1000 + 2 * MINUTE_MS, NOON, "second");
    write_file("token", "");
    want_bearer(a, 1000 + 3 * MINUTE_MS, NOON, "second");
    kube_access_rejected(a);
    want_failure(a, 1000 + 3 * MINUTE_MS, "/token\": expected a token: printable characters without a space");
    write_file("token", "third");
    want_bearer(a, 1000 + 3 * MINUTE_MS, NOON, "third");
    kube_access_rejected(a);
    want_bearer(a, 1000 + 3 * MINUTE_MS, NOON, "third");
    kube_access_free(a);
}

static void test_token_beside_its_file(void)
{
    take_away("token");
    kube_access *a = open_config(CONFIG("", "tokenFile: token, token: given"));
    want_bearer(a, 0, NOON, "given");
    write_file("token", "file");
    want_bearer(a, MINUTE_MS, NOON, "file");
    kube_access_free(a);
}

static void test_static(void)
{
    write_file("ca.pem", CA_TEXT);
    kube_access *a = open_config(CONFIG(", tls-server-name: kube.example, certificate-authority: ca.pem, "
                                        "proxy-url: \"socks5://p:1\"",
                                        "username: u, password: p"));
    kube_credentials c = {0};
    ov_err err = {0};
    kube_access_rejected(a);
    CHECK_OK(prepare(a, 0, NOON, &c, &err), &err);
    CHECK_C(c.server, "https://h:6443");
    CHECK_C(c.proxy, "socks5h://p:1");
    CHECK_C(c.authorization, "Basic dTpw");
    CHECK(c.bearer == NULL);
    CHECK_C(c.tls->server_name, "kube.example");
    CHECK_STR(c.tls->ca, OV_STR(CA_TEXT));
    CHECK(ov_str_starts(ov_str_of(kube_access_name(a)), OV_STR("context c of /tmp/")));
    char got[65], want[65];
    kube_access_fingerprint(a, got);
    ov_sha256_hex(ov_str_trim(OV_STR(CA_TEXT)), want);
    CHECK_C(got, want);
    kube_access_free(a);

    a = open_config(CONFIG(", insecure-skip-tls-verify: true", "token: t"));
    CHECK_OK(prepare(a, 0, NOON, &c, &err), &err);
    CHECK(c.tls->insecure && c.proxy == NULL);
    kube_access_fingerprint(a, got);
    ov_sha256_hex(OV_STR("https://h:6443"), want);
    CHECK_C(got, want);
    kube_access_free(a);
}

/* ---- plugins ---- */

#define ANSWER(status)                                                                                             \
    "cat <<E\n{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{" status \
    "}}\nE"

static void test_plugin_expires(void)
{
    write_script("plugin",
                 "until [ -e go ]; do sleep 0.01; done\n"
                 "echo \"$KUBERNETES_EXEC_INFO\" >info; echo \"$N1 $1\" >told; read line && echo in >>told\n" ANSWER(
                     "\"token\":\"a\",\"expirationTimestamp\":\"2026-01-01T13:00:00Z\""));
    (void)runs();
    kube_access *a = open_config(PLUGIN(", args: [one], env: [{name: N1, value: v}]"));
    kube_credentials c = {0};
    ov_err err = {0};
    CHECK_STATUS(kube_access_prepare(a, at(0), wall(NOON), &c, &err), OV_RETRY, &err);
    write_file("go", "");
    want_bearer(a, 0, NOON, "a");
    OV_CLEANUP(ov_free_p) char *info = check_read_file(in_folder("info"), NULL);
    CHECK_C(info, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
                  "\"spec\":{\"interactive\":false}}\n");
    OV_CLEANUP(ov_free_p) char *told = check_read_file(in_folder("told"), NULL);
    CHECK_C(told, "v one\n");
    write_script("plugin", ANSWER("\"token\":\"b\""));
    want_bearer(a, 0, "2026-01-01T12:59:59Z", "a");
    CHECK_INT(runs(), 1);
    want_bearer(a, 0, "2026-01-01T13:00:00Z", "b");
    want_bearer(a, 1000 * MINUTE_MS, "2027-01-01T13:00:00Z", "b");
    CHECK_INT(runs(), 1);
    write_script("plugin", ANSWER("\"token\":\"c\""));
    kube_access_rejected(a);
    want_bearer(a, 0, NOON, "c");
    CHECK_INT(runs(), 1);
    kube_access_free(a);
}

static void test_plugin_certificate(void)
{
    write_file("ca.pem", CA_TEXT);
    write_script("plugin", "echo \"$KUBERNETES_EXEC_INFO\" >info\n" ANSWER("\"clientCertificateData\":\"" CERT_JSON
                                                                           "\",\"clientKeyData\":\"" KEY_JSON "\""));
    kube_access *a =
        open_config(CONFIG(", certificate-authority: ca.pem, tls-server-name: kube.example, proxy-url: \"http://p\", "
                           "extensions: [{name: client.authentication.k8s.io/exec, extension: [1]}]",
                           "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, "
                           "provideClusterInfo: true}"));
    kube_credentials c = {0};
    ov_err err = {0};
    CHECK_OK(prepare(a, 0, NOON, &c, &err), &err);
    CHECK_STR(c.tls->cert, OV_STR("-----BEGIN CERTIFICATE-----\ncl"));
    CHECK_STR(c.tls->key, OV_STR("-----BEGIN EC PRIVATE KEY-----\nk"));
    CHECK(c.bearer == NULL && c.authorization == NULL);
    OV_CLEANUP(ov_free_p) char *info = check_read_file(in_folder("info"), NULL);
    CHECK_C(info,
            "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"cluster\":{"
            "\"server\":\"https://h:6443\",\"tls-server-name\":\"kube.example\",\"certificate-authority-data\":"
            "\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNhCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K\","
            "\"proxy-url\":\"http://p\",\"config\":[1]},\"interactive\":false}}\n");
    kube_access_free(a);
}

static const struct {
    const char *name, *script, *message; /* message: its end */
} bad_plugins[] = {
    {"fails", "echo secret on stdout; echo first >&2; echo 'not \tlogged in' >&2; echo >&2; exit 3",
     "\": ended with exit status 3: not ?logged in"},
    {"fails in silence", "exit 1", "\": ended with exit status 1"},
    {"is killed", "kill -TERM $$", "\": ended with signal 15"},
    {"complains at length", "head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1",
     "\": ended with exit status 1: end"},
    {"prints nothing", "", "printed: expected an ExecCredential as JSON"},
    {"prints garbage", "echo 's3cret: ['", "printed: expected an ExecCredential as JSON"},
    {"prints a text", "echo s3cret", "printed: expected an ExecCredential as JSON"},
    {"prints too much", "head -c 3000000 /dev/zero", "\": printed more than 1048576 bytes"},
    {"prints too much and stays", "cat /dev/zero", "\": printed more than 1048576 bytes"},
    {"prints a pod", "echo '{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"status\":{}}'",
     "printed: kind: \"Pod\": expected ExecCredential"},
    {"prints another version",
     "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{}}'",
     "expected client.authentication.k8s.io/v1, as the kubeconfig says"},
    {"has no status", "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}'",
     "printed: status: missing"},
    {"has an empty status", ANSWER("\"token\":\"\""),
     "printed: status: expected a token, or a certificate and its key"},
    {"has a certificate alone", ANSWER("\"clientCertificateData\":\"" CERT_JSON "\""),
     "printed: status: expected clientCertificateData and clientKeyData together"},
    {"has a token that is none", ANSWER("\"token\":\"s3cret \\n word\""),
     "printed: status.token: expected a token: printable characters without a space"},
    {"has a token that is a number", ANSWER("\"token\":12"), "printed: status.token: expected a string"},
    {"has a key that is none", ANSWER("\"clientCertificateData\":\"" CERT_JSON "\",\"clientKeyData\":\"s3cret\""),
     "printed: status.clientKeyData: expected a private key in PEM"},
    {"has a wrong time", ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"soon\""),
     "printed: status.expirationTimestamp: \"soon\": expected an RFC 3339 time"},
    {"is too late", ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"2026-01-01T11:59:59Z\""),
     "exec: status.expirationTimestamp: has passed already"},
};

static void test_bad_plugins(void)
{
    for (size_t i = 0; i < OV_COUNT(bad_plugins); i++) {
        check_case(bad_plugins[i].name);
        write_script("plugin", bad_plugins[i].script);
        kube_access *a = open_config(PLUGIN(""));
        want_failure(a, 0, bad_plugins[i].message);
        kube_access_free(a);
    }
    check_case(NULL);
}

static void test_plugin_backs_off(void)
{
    write_script("plugin", "exit 1");
    (void)runs();
    kube_access *a = open_config(PLUGIN(""));
    want_failure(a, 0, "exit status 1");
    want_failure(a, 999, "exit status 1");
    CHECK_INT(runs(), 1);
    write_script("plugin", ANSWER("\"token\":\"t\""));
    want_bearer(a, MINUTE_MS, NOON, "t");
    CHECK_INT(runs(), 1);
    kube_access_free(a);
}

static void test_plugin_is_missing(void)
{
    take_away("plugin");
    kube_access *a = open_config(PLUGIN(", installHint: get it from x"));
    want_failure(a, 0, "/plugin\": No such file or directory: get it from x");
    kube_access_free(a);
}

/* The pid that a script has written; 0: not yet. */
static pid_t written_pid(void)
{
    int pid = 0;
    FILE *f = fopen(in_folder("pid"), "re");
    if (!f) return 0;
    if (fscanf(f, "%d\n", &pid) != 1) pid = 0;
    fclose(f);
    return pid;
}

static pid_t start_hanging(kube_access *a)
{
    kube_credentials c = {0};
    ov_err err = {0};
    pid_t pid = 0;
    ov_mono until = ov_mono_after(ov_mono_now(), WAIT_MS);
    while ((pid = written_pid()) == 0 && ov_mono_since(ov_mono_now(), until) < 0) {
        CHECK_STATUS(kube_access_prepare(a, at(0), wall(NOON), &c, &err), OV_RETRY, &err);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    CHECK(pid > 0 && kill(pid, 0) == 0);
    return pid;
}

static void test_plugin_hangs(void)
{
    write_script("plugin", "trap '' TERM; echo $$ >pid.new; mv pid.new pid; while :; do sleep 1000; done");
    take_away("pid");
    kube_access *a = open_config(PLUGIN(""));
    kube_credentials c = {0};
    ov_err err = {0};
    pid_t pid = start_hanging(a);
    CHECK_STATUS(kube_access_prepare(a, at(29999), wall(NOON), &c, &err), OV_RETRY, &err);
    want_failure(a, 30000, "\": did not end within 30 s");
    CHECK(kill(pid, 0) != 0);
    kube_access_free(a);

    take_away("pid");
    a = open_config(PLUGIN(""));
    pid = start_hanging(a);
    kube_access_free(a);
    CHECK(kill(pid, 0) != 0);
}

/* ---- a pod ---- */

static ov_status open_pod(kube_access **ret, ov_err *err)
{
    return kube_access_open(&(kube_access_options){.service_account = folder}, ret, err);
}

static void test_pod(void)
{
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    write_file("ca.crt", CA_TEXT);
    write_file("token", "pod\n");
    kube_access *a = NULL;
    kube_credentials c = {0};
    ov_err err = {0};
    char before[65], after[65];
    if (!CHECK_OK(open_pod(&a, &err), &err)) return;
    CHECK_C(kube_access_name(a), "the pod's service account");
    kube_access_fingerprint(a, before);
    CHECK_OK(prepare(a, 0, NOON, &c, &err), &err);
    CHECK_C(c.server, "https://[fd00::1]:443");
    CHECK_STR(c.tls->ca, OV_STR(CA_TEXT));
    CHECK_STR(ov_secret_text(c.bearer), OV_STR("pod"));
    write_file("ca.crt", OTHER_CA_TEXT);
    CHECK_OK(prepare(a, MINUTE_MS, NOON, &c, &err), &err);
    CHECK_STR(c.tls->ca, OV_STR(OTHER_CA_TEXT));
    kube_access_fingerprint(a, after);
    CHECK_C(after, before);
    kube_access_free(a);
}

static const struct {
    const char *name, *host, *port, *token, *ca, *context;
    const char *message; /* its end */
} bad_pods[] = {
    {"no port", "10.0.0.1", "", "t", CA_TEXT, NULL, "service account: KUBERNETES_SERVICE_PORT: missing"},
    {"a port that is none", "10.0.0.1", "x", "t", CA_TEXT, NULL,
     "service account: KUBERNETES_SERVICE_PORT: \"x\": expected a port"},
    {"a host that is none", "a b", "1", "t", CA_TEXT, NULL,
     "service account: server: \"https://a b:1\": expected an http or https URL without a query, or host:port"},
    {"no token", "10.0.0.1", "1", NULL, CA_TEXT, NULL, "/token\": No such file or directory"},
    {"an empty token", "10.0.0.1", "1", "\n", CA_TEXT, NULL,
     "/token\": expected a token: printable characters without a space"},
    {"no CA", "10.0.0.1", "1", "t", NULL, NULL, "/ca.crt\": No such file or directory"},
    {"a CA that is none", "10.0.0.1", "1", "t", "x", NULL, "/ca.crt\": expected certificates in PEM"},
    {"a context", "10.0.0.1", "1", "t", CA_TEXT, "c", "context \"c\": expected none with the pod's service account"},
};

static void write_or_take_away(const char *name, const char *text)
{
    if (text)
        write_file(name, text);
    else
        take_away(name);
}

static void test_bad_pods(void)
{
    for (size_t i = 0; i < OV_COUNT(bad_pods); i++) {
        kube_access *a = NULL;
        ov_err err = {0};
        check_case(bad_pods[i].name);
        setenv("KUBERNETES_SERVICE_HOST", bad_pods[i].host, 1);
        setenv("KUBERNETES_SERVICE_PORT", bad_pods[i].port, 1);
        write_or_take_away("token", bad_pods[i].token);
        write_or_take_away("ca.crt", bad_pods[i].ca);
        kube_access_options o = {.service_account = folder, .context = bad_pods[i].context};
        CHECK_STATUS(kube_access_open(&o, &a, &err), OV_INVALID, &err);
        if (!CHECK(ov_str_ends(ov_str_of(err.msg), ov_str_of(bad_pods[i].message))))
            fprintf(stderr, "  message: %s\n", err.msg);
    }
    check_case(NULL);
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
}

/* ---- neither ---- */

static void test_home(void)
{
    kube_access *a = NULL;
    ov_err err = {0};
    setenv("HOME", folder, 1);
    CHECK_STATUS(kube_access_open(&(kube_access_options){.kubeconfig = ""}, &a, &err), OV_INVALID, &err);
    CHECK(ov_str_ends(ov_str_of(err.msg), OV_STR("/.kube/config\": no such file: expected one, or a pod with "
                                                 "KUBERNETES_SERVICE_HOST")));
    if (mkdir(in_folder(".kube"), 0700) != 0) abort();
    write_file(".kube/config", CONFIG("", "token: home"));
    if (CHECK_OK(kube_access_open(&(kube_access_options){0}, &a, &err), &err)) want_bearer(a, 0, NOON, "home");
    kube_access_free(a);
    a = NULL;
    CHECK_STATUS(kube_access_open(&(kube_access_options){.kubeconfig = "/nowhere/at/all"}, &a, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "kubeconfig \"/nowhere/at/all\": no such file");
    CHECK_STATUS(kube_access_open(&(kube_access_options){.context = "x"}, &a, &err), OV_INVALID, &err);
    CHECK(ov_str_ends(ov_str_of(err.msg), OV_STR("context \"x\": not found")));
    setenv("HOME", "", 1);
    CHECK_STATUS(kube_access_open(&(kube_access_options){0}, &a, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "kubeconfig: HOME: expected a folder");
}

/* A file that is named must be there at the start. */
static void test_missing_files(void)
{
    static const struct {
        const char *config, *message;
    } cases[] = {
        {CONFIG(", certificate-authority: lost", ""), "cluster \"k\": certificate-authority: \""},
        {CONFIG("", "client-certificate: lost, client-key: lost"), "user \"u\": client-certificate: \""},
        {CONFIG("", "tokenFile: lost"), "user \"u\": tokenFile: \""},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        kube_access *a = NULL;
        ov_err err = {0};
        char path[200];
        write_file("config", cases[i].config);
        snprintf(path, sizeof path, "%s", in_folder("config"));
        CHECK_STATUS(kube_access_open(&(kube_access_options){.kubeconfig = path}, &a, &err), OV_INVALID, &err);
        CHECK(strstr(err.msg, cases[i].message) != NULL);
        CHECK(ov_str_ends(ov_str_of(err.msg), OV_STR("/lost\": No such file or directory")));
    }
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *place)
{
    (void)s, (void)type, (void)place;
    return remove(path);
}

int main(void)
{
    if (!mkdtemp(folder)) abort();
    unsetenv("KUBERNETES_SERVICE_HOST");
    kube_access_free(NULL);
    test_token_file();
    test_token_beside_its_file();
    test_static();
    test_plugin_expires();
    test_plugin_certificate();
    test_bad_plugins();
    test_plugin_backs_off();
    test_plugin_is_missing();
    test_plugin_hangs();
    test_pod();
    test_bad_pods();
    test_home();
    test_missing_files();
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return check_end();
}
