/* kubeconfigs, good and bad: what a context means, how files merge, and what the person reads when one is wrong. */
#include "services/collector/kube/kubeconfig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

#define CA "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNhCg=="
#define CERT "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNsCg=="
#define KEY "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCmsK"
#define NOTHING "bm90aGluZw=="
#define AT "kubeconfig /k/config: context \"c\": "
#define IN_CLUSTER AT "cluster \"k\": "
#define IN_USER AT "user \"u\": "

/* One context of one cluster and one user, whose members are given. */
#define CONFIG(cluster, user)                                                     \
    "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n" \
    "clusters: [{name: k, cluster: {" cluster "}}]\nusers: [{name: u, user: {" user "}}]\n"
#define SERVER "server: \"https://h:6443\""
#define USER(user) CONFIG(SERVER, user)
#define CLUSTER(cluster) CONFIG(cluster, "token: t")

typedef struct {
    const char *name, *text;
    const char *want;    /* the target as describe() writes it; NULL: refused */
    const char *message; /* whole, when it is refused */
    const char *context; /* NULL: the current-context */
} single_case;

#define GOOD(name, text, want, context)   \
    {                                     \
        name, text, want, NULL, (context) \
    }
#define BAD(name, text, message, context)    \
    {                                        \
        name, text, NULL, message, (context) \
    }

static const single_case clusters[] = {
    GOOD("all that a cluster has",
         CLUSTER("server: \"https://h:6443/a/b/\", tls-server-name: kube.example, certificate-authority: ca.pem, "
                 "proxy-url: \"socks5://u:p@x:1080\", disable-compression: true"),
         "server=https://h:6443/a/b server-name=kube.example proxy=socks5://u:p@x:1080 ca=/k/ca.pem token=t", NULL),
    GOOD("data wins over the file", CLUSTER(SERVER ", certificate-authority: ca.pem, certificate-authority-data: " CA),
         "server=https://h:6443 ca=\"-----BEGIN CERTIFICATE-----\nca\n\" token=t", NULL),
    GOOD("empty data does not", CLUSTER(SERVER ", certificate-authority: /ca.pem, certificate-authority-data: \"\""),
         "server=https://h:6443 ca=/ca.pem token=t", NULL),
    GOOD("insecure", CLUSTER(SERVER ", insecure-skip-tls-verify: true"), "server=https://h:6443 insecure token=t",
         NULL),
    GOOD("a host and port", CLUSTER("server: \"h:6443\", insecure-skip-tls-verify: true"),
         "server=https://h:6443 insecure token=t", NULL),
    GOOD("a host and port without TLS", CLUSTER("server: \"h:8080\""), "server=http://h:8080", NULL),
    GOOD("a client's certificate means TLS", CONFIG("server: \"h:6443\"", "client-certificate: c, client-key: k"),
         "server=https://h:6443 cert=/k/c key=/k/k", NULL),
    GOOD("a plain server is told nothing",
         CONFIG("server: \"HTTP://h\"", "client-certificate: c, client-key: k, exec: {apiVersion: "
                                        "client.authentication.k8s.io/v1, command: x}"),
         "server=HTTP://h", NULL),
    GOOD("an IPv6 address", CLUSTER("server: \"https://[::1]:6443\""), "server=https://[::1]:6443 token=t", NULL),
    BAD("no server", CLUSTER("certificate-authority: x"), IN_CLUSTER "server: missing", NULL),
    BAD("a server of another kind", CLUSTER("server: \"ftp://h\""),
        IN_CLUSTER "server: \"ftp://h\": expected an http or https URL without a query, or host:port", NULL),
    BAD("a server with a path alone", CLUSTER("server: \"h:1/x\""),
        IN_CLUSTER "server: \"h:1/x\": expected an http or https URL without a query, or host:port", NULL),
    BAD("a server with a query", CLUSTER("server: \"https://h?x\""),
        IN_CLUSTER "server: \"https://h?x\": expected an http or https URL without a query, or host:port", NULL),
    BAD("a server with a user", CLUSTER("server: \"https://u:p@h\""),
        IN_CLUSTER "server: expected a URL without a user", NULL),
    BAD("a server that is a number", CLUSTER("server: 6443"), IN_CLUSTER "server: 6443: expected a string", NULL),
    BAD("insecure beside a CA", CLUSTER(SERVER ", insecure-skip-tls-verify: true, certificate-authority: x"),
        IN_CLUSTER "insecure-skip-tls-verify: true: expected false beside a certificate-authority", NULL),
    BAD("insecure by word", CLUSTER(SERVER ", insecure-skip-tls-verify: \"yes\""),
        IN_CLUSTER "insecure-skip-tls-verify: \"yes\": expected true or false", NULL),
    BAD("a CA that is no base64", CLUSTER(SERVER ", certificate-authority-data: \"x*\""),
        IN_CLUSTER "certificate-authority-data: expected base64", NULL),
    BAD("a CA that is no PEM", CLUSTER(SERVER ", certificate-authority-data: " NOTHING),
        IN_CLUSTER "certificate-authority-data: expected certificates in PEM", NULL),
    BAD("a proxy of another kind", CLUSTER(SERVER ", proxy-url: \"ftp://u:p@h\""),
        IN_CLUSTER "proxy-url: expected an http, https or socks5 URL", NULL),
    BAD("a proxy without a scheme", CLUSTER(SERVER ", proxy-url: \"h:3128\""),
        IN_CLUSTER "proxy-url: expected an http, https or socks5 URL", NULL),
    BAD("a server name that is none", CLUSTER(SERVER ", tls-server-name: a/b"),
        IN_CLUSTER "tls-server-name: \"a/b\": expected a host name", NULL),
    GOOD("a CA over several lines",
         "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters:\n- name: k\n  cluster:\n"
         "    server: https://h\n    certificate-authority-data: |\n      LS0tLS1CRUdJTiBDRVJUSUZJ\n"
         "      Q0FURS0tLS0tCmNhCg==\n",
         "server=https://h ca=\"-----BEGIN CERTIFICATE-----\nca\n\"", NULL),
};

#define EXEC(more) USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: x" more "}")

static const single_case users[] = {
    GOOD("certificate and key in files", USER("client-certificate: ../c.pem, client-key: /k.pem"),
         "server=https://h:6443 cert=/k/../c.pem key=/k.pem", NULL),
    GOOD("certificate and key as data", USER("client-certificate-data: " CERT ", client-key-data: " KEY),
         "server=https://h:6443 cert=\"-----BEGIN CERTIFICATE-----\ncl\n\" key=\"-----BEGIN EC PRIVATE KEY-----\nk\n\"",
         NULL),
    GOOD("data wins over files",
         USER("client-certificate: a, client-certificate-data: " CERT ", client-key: b, client-key-data: " KEY),
         "server=https://h:6443 cert=\"-----BEGIN CERTIFICATE-----\ncl\n\" key=\"-----BEGIN EC PRIVATE KEY-----\nk\n\"",
         NULL),
    BAD("a certificate without a key", USER("client-certificate-data: " CERT),
        IN_USER "client-key: missing beside a client-certificate", NULL),
    BAD("a key without a certificate", USER("client-key: k"), IN_USER "client-certificate: missing beside a client-key",
        NULL),
    BAD("a key that is no base64", USER("client-certificate-data: " CERT ", client-key-data: \"s3cret\""),
        IN_USER "client-key-data: expected base64", NULL),
    BAD("a key that is no key", USER("client-certificate-data: " CERT ", client-key-data: " CERT),
        IN_USER "client-key-data: expected a private key in PEM", NULL),
    BAD("a key that is a number", USER("client-certificate-data: " CERT ", client-key-data: 123456"),
        IN_USER "client-key-data: expected a string (in quotes)", NULL),
    GOOD("a token", USER("token: abc.def"), "server=https://h:6443 token=abc.def", NULL),
    BAD("a token that is a number", USER("token: 123456"), IN_USER "token: expected a string (in quotes)", NULL),
    BAD("a token of two words", USER("token: \"a b\""),
        IN_USER "token: expected a token: printable characters without a space", NULL),
    GOOD("a token file", USER("tokenFile: t/token"), "server=https://h:6443 token=/k/t/token", NULL),
    GOOD("a token beside its file", USER("token: old, tokenFile: t"), "server=https://h:6443 token=/k/t,old", NULL),
    GOOD("a password", USER("username: admin, password: \"p\\\"w\""), "server=https://h:6443 basic=Basic YWRtaW46cCJ3",
         NULL),
    GOOD("a user name alone", USER("username: a"), "server=https://h:6443 basic=Basic YTo=", NULL),
    BAD("a password alone", USER("password: s3cret"), IN_USER "username: missing beside a password", NULL),
    BAD("a password that is a number", USER("username: a, password: 123456"),
        IN_USER "password: expected a string (in quotes)", NULL),
    BAD("a user name with a colon", USER("username: \"a:b\", password: x"),
        IN_USER "username: expected a name without a colon", NULL),
    BAD("a password and a token", USER("username: a, password: b, token: t"),
        IN_USER "token: expected either a token or a username, not both", NULL),
    GOOD("nobody", USER(""), "server=https://h:6443", NULL),
    BAD("impersonation", USER("token: t, as: root"),
        IN_USER "as: impersonation is not supported: expected the user's own credentials", NULL),
    BAD("impersonation of groups", USER("token: t, as-groups: [g]"),
        IN_USER "as-groups: impersonation is not supported: expected the user's own credentials", NULL),
    GOOD("no impersonation", USER("token: t, as: \"\", as-groups: [], as-user-extra: {}"),
         "server=https://h:6443 token=t", NULL),
    BAD("an auth provider", USER("auth-provider: {name: gcp}"),
        IN_USER "auth-provider: \"gcp\": not supported: expected exec or another credential", NULL),
    GOOD("a plugin by its name", EXEC(", args: [a, \"b c\"], env: [{name: NAME, value: \"v=1\"}, {name: MORE}]"),
         "server=https://h:6443 exec=x|a|b c env=NAME=v=1|MORE=", NULL),
    GOOD("a plugin by a relative path",
         USER("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./bin/x, args: null}"),
         "server=https://h:6443 exec=/k/./bin/x", NULL),
    GOOD("a plugin that is told of the cluster",
         CONFIG(SERVER
                ", extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, extension: "
                "{audience: x}}]",
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, provideClusterInfo: true, "
                "interactiveMode: Never, installHint: get it}"),
         "server=https://h:6443 exec=x config={\"audience\":\"x\"} hint=get it", NULL),
    GOOD("a plugin beside a token", USER("token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: x}"),
         "server=https://h:6443 token=t", NULL),
    BAD("a plugin without a command", USER("exec: {apiVersion: client.authentication.k8s.io/v1}"),
        IN_USER "exec.command: missing", NULL),
    BAD("a plugin with an empty command", USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: \"\"}"),
        IN_USER "exec.command: missing", NULL),
    BAD("a plugin without a version", USER("exec: {command: x}"), IN_USER "exec.apiVersion: missing", NULL),
    BAD("a plugin of an old version", USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}"),
        IN_USER
        "exec.apiVersion: \"client.authentication.k8s.io/v1alpha1\": expected client.authentication.k8s.io/v1 or "
        "v1beta1",
        NULL),
    BAD("a plugin that asks", EXEC(", interactiveMode: Always"),
        IN_USER "exec.interactiveMode: \"Always\": nobody is there to answer: expected Never or IfAvailable", NULL),
    BAD("a plugin of an unknown mode", EXEC(", interactiveMode: x"),
        IN_USER "exec.interactiveMode: \"x\": expected Never or IfAvailable", NULL),
    BAD("an argument that is a number", EXEC(", args: [1]"), IN_USER "exec.args: 1: expected a string", NULL),
    BAD("a variable without a name", EXEC(", env: [{value: x}]"), IN_USER "exec.env.name: missing", NULL),
    BAD("a variable with a wrong name", EXEC(", env: [{name: \"a=b\"}]"),
        IN_USER "exec.env.name: \"a=b\": expected a name without \"=\"", NULL),
    BAD("a variable that is a number", EXEC(", env: [{name: NAME, value: 123456}]"),
        IN_USER "exec.env[0].value: expected a string (in quotes)", NULL),
};

#define TWO                                                                                                       \
    "apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: one\n"                                       \
    "contexts: [{name: one, context: {cluster: k, user: u}}, {name: two, context: {cluster: m, namespace: n}},\n" \
    "  {name: three, context: {cluster: lost}}, {name: four, context: {cluster: k, user: lost}}, {name: five},\n" \
    "  {name: six, context: {cluster: 6}}]\n"                                                                     \
    "clusters: [{name: k, cluster: {server: \"https://k\"}}, {name: m, cluster: {server: \"https://m\"}}]\n"      \
    "users: [{name: u, user: {token: t}}]\n"

static const single_case files[] = {
    GOOD("the current context", TWO, "server=https://k token=t", NULL),
    GOOD("another context", TWO, "server=https://m", "two"),
    GOOD("an empty name is none", TWO, "server=https://k token=t", ""),
    BAD("a context that is not there", TWO, "kubeconfig /k/config: context \"x\": not found", "x"),
    BAD("a cluster that is not there", TWO, "kubeconfig /k/config: context \"three\": cluster: \"lost\": not found",
        "three"),
    BAD("a user that is not there", TWO, "kubeconfig /k/config: context \"four\": user: \"lost\": not found", "four"),
    BAD("a context without a cluster", TWO, "kubeconfig /k/config: context \"five\": cluster: missing", "five"),
    BAD("a context with a number", TWO, "kubeconfig /k/config: context \"six\": cluster: 6: expected a string", "six"),
    GOOD("JSON",
         "{\"current-context\":\"c\",\t\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"k\"}}],"
         "\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":\"https:\\/\\/h\"}}]}",
         "server=https://h", NULL),
    GOOD("a byte order mark and two dashes", "\xEF\xBB\xBF---\n" TWO "---\n", "server=https://k token=t", NULL),
    GOOD("anchors",
         "current-context: c\ncontexts: [{name: c, context: {cluster: k}}, {name: d, context: &x {cluster: k}}]\n"
         "clusters: [{name: k, cluster: &y {server: \"https://h\"}}, {name: l, cluster: *y}]\n",
         "server=https://h", NULL),
    BAD("an empty file", "", "kubeconfig: current-context: missing, and no context was asked for", NULL),
    BAD("no current context", "contexts: []", "kubeconfig: current-context: missing, and no context was asked for",
        NULL),
    BAD("not YAML", "a: [",
        "kubeconfig /k/config: line 2, column 1: did not find expected node content while parsing a flow node", NULL),
    BAD("a list", "[]", "kubeconfig /k/config: an array: expected an object", NULL),
    BAD("two documents", "a: 1\n---\nb: 1\n", "kubeconfig /k/config: expected one document", NULL),
    BAD("another kind", "kind: Pod", "kubeconfig /k/config: kind: \"Pod\": expected Config", NULL),
    BAD("another version", "kind: Config\napiVersion: v2", "kubeconfig /k/config: apiVersion: \"v2\": expected v1",
        NULL),
    BAD("clusters as a mapping", "clusters: {k: {}}", "kubeconfig /k/config: clusters: an object: expected an array",
        NULL),
    BAD("an entry without a name", "users: [{name: a}, {user: {}}]", "kubeconfig /k/config: users[1].name: missing",
        NULL),
    BAD("an entry that is a text", "contexts: [c]", "kubeconfig /k/config: contexts[0]: \"c\": expected an object",
        NULL),
    BAD("an entry that stands twice", "clusters: [{name: a}, {name: b}, {name: a}]",
        "kubeconfig /k/config: clusters[2].name: \"a\": stands twice", NULL),
};

/* ---- what a target says ---- */

static void describe_material(ov_buf *out, const char *name, const kube_material *m)
{
    ov_str value = ov_secret_text(m->value);
    if (!kube_material_is_set(m)) return;
    CHECK(m->what != NULL);
    ov_buf_printf(out, " %s=%s%s", name, m->path ? m->path : "", m->path && m->value ? "," : "");
    bool pem = ov_str_find(value, '\n', 0) < value.len;
    ov_buf_printf(out, pem ? "\"%.*s\"" : "%.*s", OV_STR_ARG(value));
}

static void describe_texts(ov_buf *out, const char *name, char *const *texts)
{
    for (size_t i = 0; texts[i]; i++) ov_buf_printf(out, "%s%s", i ? "|" : name, texts[i]);
}

static void describe(ov_buf *out, const kube_target *t)
{
    ov_buf_printf(out, "server=%s", t->server);
    if (t->server_name) ov_buf_printf(out, " server-name=%s", t->server_name);
    if (t->proxy) ov_buf_printf(out, " proxy=%s", t->proxy);
    if (t->insecure) ov_buf_append_c(out, " insecure");
    describe_material(out, "ca", &t->ca);
    describe_material(out, "cert", &t->cert);
    describe_material(out, "key", &t->key);
    describe_material(out, "token", &t->token);
    if (t->basic) ov_buf_printf(out, " basic=%.*s", OV_STR_ARG(ov_secret_text(t->basic)));
    if (!t->plugin) return;
    describe_texts(out, " exec=", t->plugin->argv);
    describe_texts(out, " env=", t->plugin->env);
    if (t->plugin->cluster_config) ov_buf_printf(out, " config=%s", t->plugin->cluster_config);
    if (t->plugin->install_hint) ov_buf_printf(out, " hint=%s", t->plugin->install_hint);
}

static void check_choice(const kubeconfig *k, const char *context, const char *want, const char *message)
{
    OV_CLEANUP(kube_target_clear) kube_target t = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf said = OV_BUF(4096);
    ov_err err = {0};
    ov_status st = kubeconfig_choose(k, context, &t, &err);
    if (!want) {
        CHECK_STATUS(st, OV_INVALID, &err);
        CHECK_C(err.msg, message);
        return;
    }
    if (!CHECK_OK(st, &err)) return;
    describe(&said, &t);
    CHECK_STR(ov_buf_str(&said), ov_str_of(want));
}

static void test_single(const single_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
        ov_err err = {0};
        check_case(cases[i].name);
        ov_status st = kubeconfig_add(k, "/k/config", ov_str_of(cases[i].text), &err);
        if (st == OV_OK) {
            check_choice(k, cases[i].context, cases[i].want, cases[i].message);
            continue;
        }
        CHECK_STATUS(st, OV_INVALID, &err);
        CHECK_C(err.msg, cases[i].message ? cases[i].message : "");
    }
    check_case(NULL);
}

/* ---- several files ---- */

static const struct {
    const char *path, *text;
} merged[] = {
    {"/a/config", "clusters: [{name: k, cluster: {server: \"https://first\", certificate-authority: ca}}]\n"
                  "contexts: [{name: c, context: {cluster: k, user: u}}]\n"},
    {"/b/config", ""},
    {"/c/config", "current-context: c\n"
                  "clusters: [{name: k, cluster: {server: \"https://second\", tls-server-name: x}},\n"
                  "  {name: l, cluster: {server: \"https://third\"}}]\n"
                  "contexts: [{name: c, context: {cluster: l}}, {name: d, context: {cluster: l, user: v}}]\n"
                  "users: [{name: u, user: {tokenFile: token}}, {name: v, user: {token: \"\\ttwo words\"}}]\n"},
    {"d", "current-context: d\nusers: [{name: w, user: {tokenFile: token}}]\n"
          "contexts: [{name: e, context: {cluster: l, user: w}}]"},
};

static void test_merge(void)
{
    OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
    ov_err err = {0};
    for (size_t i = 0; i < OV_COUNT(merged); i++)
        CHECK_OK(kubeconfig_add(k, merged[i].path, ov_str_of(merged[i].text), &err), &err);
    check_choice(k, NULL, "server=https://first ca=/a/ca token=/c/token", NULL);
    check_choice(k, "e", "server=https://third token=./token", NULL);
    check_choice(
        k, "d", NULL,
        "kubeconfig /c/config: context \"d\": user \"v\": token: expected a token: printable characters without "
        "a space");
    check_choice(k, "x", NULL, "kubeconfig /a/config: context \"x\": not found, nor in the other files");
    kube_target t = {0};
    CHECK_OK(kubeconfig_choose(k, "e", &t, &err), &err);
    CHECK_C(t.name, "context e of d");
    kube_target_clear(&t);
}

static void test_no_files(void)
{
    OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
    check_choice(k, "c", NULL, "kubeconfig: no file");
}

static void test_long_names(void)
{
    OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
    char path[300], name[200], text[1500];
    ov_err err = {0};
    kube_target t = {0};
    memset(path, 'p', sizeof path);
    memset(name, 'n', sizeof name);
    path[0] = '/', path[sizeof path - 1] = name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text,
             "current-context: %s\ncontexts: [{name: %s, context: {cluster: k, user: %s}}]\n"
             "clusters: [{name: k, cluster: {server: \"https://h\"}}]\n"
             "users: [{name: %s, user: {client-certificate: c, client-key-data: x}}]\n",
             name, name, name, name);
    CHECK_OK(kubeconfig_add(k, path, ov_str_of(text), &err), &err);
    CHECK_STATUS(kubeconfig_choose(k, NULL, &t, &err), OV_INVALID, &err);
    CHECK(ov_str_ends(ov_str_of(err.msg), OV_STR("client-key-data: expected base64")));
}

/* ---- files on disk ---- */

static void write_file(const char *folder, const char *name, const char *text, size_t len)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    if (!f || fwrite(text, 1, len, f) != len || fclose(f) != 0) abort();
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s, (void)type, (void)at;
    return remove(path);
}

static const struct {
    const char *files; /* % is the folder */
    ov_status status;
    const char *message; /* its end */
} lists[] = {
    {"%/good", OV_OK, NULL},
    {"%/missing:%/good::", OV_OK, NULL},
    {"%/good/below:%/good", OV_OK, NULL},
    {"%/missing:%/gone", OV_NOT_FOUND, "/gone\": no such file"},
    {":", OV_NOT_FOUND, "kubeconfig \":\": no such file"},
    {"%/good:%/folder", OV_INVALID, "/folder: expected a regular file"},
    {"%/good:%/huge", OV_INVALID, "/huge: expected a file of at most 1048576 bytes"},
    {"%/good:%/bad", OV_INVALID, "/bad: kind: \"x\": expected Config"},
};

static void put_folder(const char *pattern, const char *folder, char *out, size_t size)
{
    size_t len = 0;
    for (; *pattern && len + 1 < size; pattern++)
        len += (size_t)snprintf(out + len, size - len, *pattern == '%' ? "%s" : "%.1s",
                                *pattern == '%' ? folder : pattern);
}

static void test_files(void)
{
    char folder[] = "/tmp/opvic-kubeconfig-XXXXXX", path[200], list[400];
    if (!mkdtemp(folder)) abort();
    size_t huge = 1024 * 1024 + 1;
    OV_CLEANUP(ov_free_p) char *spaces = ov_alloc(huge);
    memset(spaces, '\n', huge);
    write_file(folder, "good", TWO, sizeof TWO - 1);
    write_file(folder, "bad", "kind: x", 7);
    write_file(folder, "huge", spaces, huge);
    snprintf(path, sizeof path, "%s/folder", folder);
    if (mkdir(path, 0700) != 0) abort();
    for (size_t i = 0; i < OV_COUNT(lists); i++) {
        OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
        ov_err err = {0};
        check_case(lists[i].files);
        put_folder(lists[i].files, folder, list, sizeof list);
        CHECK_STATUS(kubeconfig_add_files(k, list, &err), lists[i].status, &err);
        if (lists[i].message && !CHECK(ov_str_ends(ov_str_of(err.msg), ov_str_of(lists[i].message))))
            fprintf(stderr, "  message: %s\n", err.msg);
        if (lists[i].status == OV_OK) check_choice(k, NULL, "server=https://k token=t", NULL);
    }
    check_case(NULL);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    test_single(clusters, OV_COUNT(clusters));
    test_single(users, OV_COUNT(users));
    test_single(files, OV_COUNT(files));
    test_merge();
    test_no_files();
    test_long_names();
    test_files();
    return check_end();
}
