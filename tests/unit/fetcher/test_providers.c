/* What the page parsers make of good, odd and damaged pages, however the bytes are cut. */
#include "services/fetcher/provider.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

typedef struct {
    ov_str rest;
    size_t step;
} cut_text;

static ov_status read_cut(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    cut_text *t = arg;
    (void)err;
    size_t n = t->step < max ? t->step : max;
    if (n > t->rest.len) n = t->rest.len;
    if (n) memcpy(out, t->rest.ptr, n);
    t->rest = ov_str_sub(t->rest, n, t->rest.len);
    *ret_len = n;
    return OV_OK;
}

/* "name=version/appVersion@date!#cycle>eol% ..." of all present lists, prereleases (~), deprecated ones (!) and cycles
 * that have ended (%) marked. */
static void describe(const version_lists *v, ov_buf *out)
{
    for (size_t i = 0; i < v->count; i++) {
        const version_list *l = &v->lists[i];
        if (i) ov_buf_append_char(out, ' ');
        ov_buf_append_str(out, l->name);
        ov_buf_append_c(out, l->present ? "=" : "?");
        for (size_t k = 0; k < l->count; k++) {
            if (k) ov_buf_append_char(out, ',');
            ov_buf_append_str(out, l->versions[k].version);
            if (l->versions[k].app_version.len) ov_buf_append_char(out, '/');
            ov_buf_append_str(out, l->versions[k].app_version);
            if (l->versions[k].date_s) ov_buf_printf(out, "@%lld", (long long)l->versions[k].date_s);
            if (l->versions[k].prerelease) ov_buf_append_c(out, "~");
            if (l->versions[k].deprecated) ov_buf_append_c(out, "!");
            if (l->versions[k].cycle.len) ov_buf_append_char(out, '#');
            ov_buf_append_str(out, l->versions[k].cycle);
            if (l->versions[k].eol_s) ov_buf_printf(out, ">%lld", (long long)l->versions[k].eol_s);
            if (l->versions[k].is_eol) ov_buf_append_char(out, '%');
        }
    }
}

typedef struct {
    const char *name, *strategy, *lists, *page;
    const char *want;  /* NULL: malformed */
    const char *error; /* part of the message then */
} page_case;

#define NUL '\1'                       /* in a page's text */
static const char *provider_name = ""; /* as the job has it */
static unsigned page_number;

static void run(const provider *p, const page_case *c, size_t step)
{
    ov_str wanted[8], rest = ov_str_of(c->lists);
    job j = {.provider = ov_str_of(provider_name), .strategy = ov_str_of(c->strategy), .lists = wanted};
    while (c->lists[0] && ov_str_split(&rest, ' ', &wanted[j.list_count])) j.list_count++;
    version_lists v;
    version_lists_init(&v, &j);
    char *bytes = ov_dup(ov_str_of(c->page));
    for (char *at = bytes; (at = strchr(at, NUL)); at++) *at = '\0';
    cut_text text = {{bytes, strlen(c->page)}, step};
    ov_err err = {0};
    provider_page page = {.j = &j, .lists = &v, .number = page_number};
    ov_status status = p->parse(&page, read_cut, &text, &err);
    if (c->want) {
        ov_buf got = OV_BUF(4096);
        describe(&v, &got);
        CHECK_OK(status, &err);
        CHECK_STR(ov_buf_str(&got), ov_str_of(c->want));
        CHECK_INT(text.rest.len, 0);
        ov_buf_clear(&got);
    } else {
        CHECK_STATUS(status, OV_INVALID, &err);
        if (!CHECK(strstr(err.msg, c->error) != NULL)) fprintf(stderr, "  %s\n", err.msg);
    }
    version_lists_clear(&v);
    free(bytes);
}

static const page_case github[] = {
    {"releases", "releases", "",
     "[{\"tag_name\":\"v1.0.0\",\"name\":\"The first\",\"draft\":false,\"prerelease\":false,"
     "\"published_at\":\"1970-01-01T00:01:40Z\"},{\"tag_name\":\"v1.1.0-rc.1\",\"prerelease\":true,\"published_at\":"
     "null}]",
     "=v1.0.0@100,v1.1.0-rc.1~", NULL},
    {"drafts are out", "releases", "", "[{\"tag_name\":\"v2\",\"draft\":true},{\"tag_name\":\"v1\"}]", "=v1", NULL},
    {"tags", "tags", "",
     "[{\"name\":\"1.5\",\"commit\":{\"sha\":\"0\"}},{\"name\":\"nightly\"},{\"name\":\"1.8.0-~x\"}]",
     "=1.5,nightly,1.8.0-~x", NULL},
    {"no items", "tags", "", "[]", "=", NULL},
    {"drafts alone", "releases", "", "[{\"draft\":true}]", "=", NULL},
    {"errors in a list", "tags", "", "[{\"error\":\"later\"}]", NULL, "none of its items has a name"},
    {"tags for releases", "releases", "", "[{\"name\":\"v1\"}]", NULL, "none of its items has a name"},
    {"null and nameless items", "tags", "", "[null,{\"name\":\"\"},{\"name\":null},{},{\"name\":\"1\"}]", "=1", NULL},
    {"escapes", "tags", "", "[{\"name\":\"v1\\u002e0 \\u00e9\"}]", "=v1.0 \xc3\xa9", NULL},
    {"an object", "releases", "", "{\"message\":\"moved\"}", NULL, ""},
    {"HTML", "releases", "", "<html>oops</html>", NULL, ""},
    {"cut off", "tags", "", "[{\"name\":\"v1\"},{\"name\":", NULL, ""},
    {"cut off between items", "tags", "", "[{\"name\":\"v1\"},", NULL, ""},
    {"nothing", "tags", "", "", NULL, ""},
    {"text behind", "tags", "", "[]x", NULL, ""},
    {"an item of another kind", "tags", "", "[\"v1\"]", NULL, "tag"},
    {"a name of another kind", "tags", "", "[{\"name\":7}]", NULL, "name"},
};

#define ITEM(version) "  - version: " version "\n"
static const page_case helm[] = {
    {"one of two charts", "", "a", "entries:\n  b:\n" ITEM("9.9.9") "  a:\n" ITEM("1.0.0") ITEM("1.1.0"),
     "a=1.0.0,1.1.0", NULL},
    {"all members", "", "a",
     "apiVersion: v1\nentries:\n  a:\n  - apiVersion: v2\n    appVersion: 1.10\n    created: "
     "\"1970-01-01T00:01:40.5Z\"\n"
     "    deprecated: true\n    annotations: {version: 7, deep: [{version: 8}]}\n    version: 0.3.0\ngenerated: x\n",
     "a=0.3.0/1.10@100!", NULL},
    {"texts as they stand", "", "a",
     "entries:\n  a:\n  - {appVersion: '3.1.4', version: \"3.1.4+up1.2\"}\n  - appVersion: >-\n      3.2.0\n"
     "    version: !!str 3.2.0\n  - appVersion: 2021-11-01\n    version: v2.0.0\n",
     "a=3.1.4+up1.2/3.1.4,3.2.0/3.2.0,v2.0.0/2021-11-01", NULL},
    {"a chart that is not there", "", "a b", "entries:\n  a:\n" ITEM("1"), "a=1 b?", NULL},
    {"empty and null charts", "", "a b", "entries:\n  a: []\n  b:\n", "a= b=", NULL},
    {"null items and members", "", "a",
     "entries:\n  a:\n  -\n  - version: ~\n    appVersion: null\n  - version: 2.0.0\n    appVersion: null\n    "
     "created: ~\n",
     "a=2.0.0", NULL},
    {"no charts", "", "a", "entries: {}\n", "a?", NULL},
    {"JSON", "", "a",
     "{\"apiVersion\":\"v1\",\"entries\":{\"a\":[{\"version\":\"1.0.0\",\"appVersion\":\"2.0.0\"},{\"version\":\"1.2."
     "0\"}]}}",
     "a=1.0.0/2.0.0,1.2.0", NULL},
    {"unwanted oddities", "", "a", "entries:\n  b: 7\n  c:\n  - x\n  c: {}\n  ? [x]\n  : y\n  a:\n" ITEM("1"), "a=1",
     NULL},
    {"nothing", "", "a", "", NULL, "not a Helm index"},
    {"a list", "", "a", "- a\n- b\n", NULL, "not a Helm index"},
    {"HTML", "", "a", "<html><body>login</body></html>", NULL, "not a Helm index"},
    {"no entries", "", "a", "apiVersion: v1\nfoo: bar\n", NULL, "entries: missing"},
    {"null entries", "", "a", "entries:\n", NULL, "entries: expected charts"},
    {"broken", "", "a", "entries:\n  x:\n - y: [\n", NULL, "line "},
    {"a chart twice", "", "a", "entries:\n  a:\n" ITEM("1") "  a:\n" ITEM("2"), NULL, "twice"},
    {"entries twice", "", "a", "entries: {}\nentries: {}\n", NULL, "twice"},
    {"a version twice", "", "a", "entries:\n  a:\n  - version: 1\n    version: 2\n", NULL, "twice"},
    {"a chart that is no list", "", "a", "entries:\n  a: 7\n", NULL, "expected a list"},
    {"an item that is no chart version", "", "a", "entries:\n  a:\n  - 7\n", NULL, "expected a chart version"},
    {"a version that is no text", "", "a", "entries:\n  a:\n  - version: [1]\n", NULL, "expected a text"},
    {"an alias", "", "a", "entries:\n  b: &x\n" ITEM("1") "  a: *x\n", NULL, "alias"},
    {"two documents", "", "a", "entries: {}\n---\nentries: {}\n", NULL, "second document"},
};

#define TAG_LIST(tags) "{\"name\":\"o/n\",\"tags\":" tags "}"
static const page_case oci[] = {
    {"tags", "tags", "", TAG_LIST("[\"1.0\",\"latest\",\"v1_2\"]"), "=1.0,latest,v1_2", NULL},
    {"no tags", "tags", "", TAG_LIST("[]"), "=", NULL},
    {"null tags", "tags", "", TAG_LIST("null"), "=", NULL},
    {"escapes", "tags", "", TAG_LIST("[\"1\\u002e0\"]"), "=1.0", NULL},
    {"errors", "tags", "", "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}", NULL, "tags"},
    {"a list", "tags", "", "[\"1\"]", NULL, ""},
    {"a number", "tags", "", TAG_LIST("[1]"), NULL, "tags[]"},
    {"cut off", "tags", "", "{\"name\":\"o/n\",\"tags\":[\"1\"", NULL, ""},
    {"nothing", "tags", "", "", NULL, ""},
};
static const page_case oci_charts[] = {
    {"charts", "tags", "", TAG_LIST("[\"1.0.0\",\"1.0.0_build_2\"]"), "=1.0.0,1.0.0+build+2", NULL},
};

#define ID "0123456789012345678901234567890123456789"
#define SERVICE "001e# service=git-upload-pack\n0000"
#define TAG_1 "003e" ID " refs/tags/v1.0.0\n"
#define TAG_1_PEELED "006e" ID " refs/tags/v1.1.0 peeled:" ID "\n"
static const page_case git_advertisements[] = {
    {"version 2", "tags", "", SERVICE "000eversion 2\n0015agent=git/2.39.5\n0013ls-refs=unborn\n0000", "?", NULL},
    {"version 2 without a service line", "tags", "", "000eversion 2\n000cls-refs\n0000", "?", NULL},
    {"no ls-refs", "tags", "", SERVICE "000eversion 2\n000afetch\n0000", NULL, "does not list references"},
    {"capabilities cut off", "tags", "", SERVICE "000eversion 2\n000cls-refs\n", NULL, "cut off"},
    {"version 1", "tags", "", SERVICE "000eversion 1\n" TAG_1 "0000", "=v1.0.0", NULL},
    {"version 0", "tags", "", SERVICE "0042" ID " HEAD\1multi_ack agent\n" TAG_1 "0041" ID " refs/tags/v1.0.0^{}\n0000",
     "=v1.0.0", NULL},
    {"an old server's HTML", "tags", "", "<html>", NULL, "expected the length"},
    {"an error", "tags", "", "001fERR access denied or not x\n", NULL, "git: access denied or not x"},
    {"nothing", "tags", "", "", NULL, "no such service"},
    {"a file of a dumb server", "tags", "", ID "\trefs/tags/v1\n", NULL, ""},
};
static const page_case git_lists[] = {
    {"tags", "tags", "", TAG_1 TAG_1_PEELED "0000", "=v1.0.0,v1.1.0", NULL},
    {"others are left out", "tags", "", "003d" ID " refs/heads/main\n" TAG_1 "0000", "=v1.0.0", NULL},
    {"no tags", "tags", "", "0000", "=", NULL},
    {"no flush", "tags", "", TAG_1, NULL, "cut off"},
    {"a delimiter", "tags", "", TAG_1 "0001", NULL, "cut off"},
    {"cut within a line", "tags", "", TAG_1 "003e" ID " refs/ta", NULL, "ends within a line"},
    {"cut within a length", "tags", "", TAG_1 "00", NULL, "expected the length"},
    {"more behind", "tags", "", TAG_1 "0000" TAG_1, NULL, "more behind"},
    {"no id", "tags", "", "0010x refs/tags\n0000", NULL, "expected a reference"},
    {"a bad length", "tags", "", "0003", NULL, "expected the length"},
    {"too long", "tags", "", "ffff", NULL, "expected the length"},
    {"an error", "tags", "", TAG_1 "0010ERR too bad\n", NULL, "git: too bad"},
};

static const page_case gitlab[] = {
    {"releases", "releases", "",
     "[{\"tag_name\":\"v2\",\"name\":\"Two\",\"released_at\":\"1970-01-01T00:01:40.000Z\"},{\"tag_name\":\"v3\","
     "\"upcoming_release\":true,\"released_at\":\"2100-01-01T00:00:00Z\"}]",
     "=v2@100", NULL},
    {"tags", "tags", "",
     "[{\"name\":\"v1\",\"created_at\":null,\"commit\":{\"created_at\":\"1970-01-01T02:01:40+02:00\"}},{\"name\":"
     "\"v2\",\"created_at\":\"1970-01-01T00:01:41Z\",\"commit\":{\"created_at\":\"x\"}},{\"name\":\"v3\"}]",
     "=v1@100,v2@101,v3", NULL},
    {"no items", "tags", "", "[]", "=", NULL},
    {"an error", "tags", "", "{\"message\":\"404 Project Not Found\"}", NULL, ""},
    {"cut off", "releases", "", "[{\"tag_name\":\"v2\"}", NULL, ""},
};
static const page_case gitea[] = {
    {"releases", "releases", "",
     "[{\"tag_name\":\"v2\",\"draft\":true},{\"tag_name\":\"v1\",\"draft\":false,\"prerelease\":true,"
     "\"published_at\":\"1970-01-01T00:01:40Z\"}]",
     "=v1@100~", NULL},
    {"tags", "tags", "",
     "[{\"name\":\"v1\",\"commit\":{\"sha\":\"0\",\"created\":\"1970-01-01T00:01:40Z\"}},{\"name\":\"v2\",\"commit\":"
     "null}]",
     "=v1@100,v2", NULL},
    {"an error", "tags", "", "{\"message\":\"not found\"}", NULL, ""},
};

#define PRODUCT(releases) "{\"schema_version\":\"1.2.0\",\"result\":{\"name\":\"p\",\"releases\":" releases "}}"
static const page_case endoflife[] = {
    {"cycles", "cycles", "",
     PRODUCT(
         "[{\"name\":\"1.1\",\"isEol\":false,\"latest\":{\"name\":\"1.1.4\",\"date\":\"1970-01-02\",\"link\":null}},"
         "{\"name\":\"1.0\",\"isEol\":true,\"eolFrom\":\"2020-01-01\",\"latest\":{\"name\":\"1.0.9\",\"date\":null}}]"),
     "=1.1.4@86400#1.1,1.0.9#1.0>1577836800%", NULL},
    {"a cycle without a version", "cycles", "",
     PRODUCT("[{\"name\":\"2\",\"latest\":null,\"eolFrom\":\"1970-01-02\"},{\"name\":\"3\"}]"), "=#2>86400,#3", NULL},
    {"neither name nor version", "cycles", "", PRODUCT("[{\"isEol\":true},{\"name\":\"\",\"latest\":{}}]"), "=", NULL},
    {"ends that are no dates", "cycles", "",
     PRODUCT("[{\"name\":\"1\",\"eolFrom\":null,\"isEol\":null},{\"name\":\"2\",\"eolFrom\":\"soon\",\"isEol\":true},"
             "{\"name\":\"3\",\"eolFrom\":\"1969-01-01\"}]"),
     "=#1,#2%,#3", NULL},
    {"an end of another kind", "cycles", "", PRODUCT("[{\"name\":\"1\",\"isEol\":\"yes\"}]"), NULL, "releases[]"},
    {"no cycles", "cycles", "", PRODUCT("[]"), "=", NULL},
    {"no product", "cycles", "", "{\"schema_version\":\"1.2.0\"}", NULL, "result: missing"},
    {"no list", "cycles", "", "{\"result\":{}}", NULL, "result.releases: missing"},
    {"another API's answer", "cycles", "", "[{\"cycle\":\"1\"}]", NULL, ""},
    {"cut off", "cycles", "", "{\"result\":{\"releases\":[", NULL, ""},
    {"an item of another kind", "cycles", "", PRODUCT("[1]"), NULL, "releases[]"},
};

static void test_pages(const provider *p, const page_case *cases, size_t count)
{
    static const size_t steps[] = {1, 7, 4096};
    for (size_t i = 0; i < count; i++) {
        check_case(cases[i].name);
        for (size_t s = 0; s < OV_COUNT(steps); s++) run(p, &cases[i], steps[s]);
    }
    check_case(NULL);
}

static const struct {
    const char *provider, *strategy, *repo, *url; /* url NULL: none of this provider */
} firsts[] = {
    {"github", "tags", "o/n", "https://api/repos/o/n/tags?per_page=100"},
    {"github", "releases", "a/b/c", "https://api/repos/a/b/c/releases?per_page=100"},
    {"github", "commits", "o/n", NULL},
    {"github", "tags", "o", NULL},
    {"github", "tags", "o/..", NULL},
    {"github", "tags", "o/n?x", NULL},
    {"github", "tags", "o//n", NULL},
    {"helm", "index", "https://h/c", "https://h/c/index.yaml"},
    {"helm", "index", "https://h/", "https://h/index.yaml"},
    {"helm", "index", "", NULL},
    {"helm", "tags", "oci://ghcr.io/o/charts/c", "https://ghcr.io/v2/o/charts/c/tags/list?n=1000"},
    {"oci", "tags", "ghcr.io/o/n", "https://ghcr.io/v2/o/n/tags/list?n=1000"},
    {"oci", "tags", "http://localhost:5000/n", "http://localhost:5000/v2/n/tags/list?n=1000"},
    {"oci", "tags", "docker.io/library/nginx", "https://registry-1.docker.io/v2/library/nginx/tags/list?n=1000"},
    {"oci", "releases", "ghcr.io/o/n", NULL},
    {"oci", "tags", "ghcr.io", NULL},
    {"oci", "tags", "ghcr.io/a?b", NULL},
    {"oci", "tags", "u@ghcr.io/a", NULL},
    {"git", "tags", "https://h/o/n", "https://h/o/n/info/refs?service=git-upload-pack"},
    {"git", "releases", "https://h/o/n", NULL},
    {"gitlab", "tags", "https://h/g/s/n", "https://h/api/v4/projects/g%2Fs%2Fn/repository/tags?per_page=100&page=1"},
    {"gitlab", "releases", "http://h:1/g/n", "http://h:1/api/v4/projects/g%2Fn/releases?per_page=100&page=1"},
    {"gitlab", "tags", "g/n", NULL},
    {"gitlab", "cycles", "https://h/g/n", NULL},
    {"gitea", "tags", "https://h/o/n", "https://h/api/v1/repos/o/n/tags?limit=50&page=1"},
    {"gitea", "releases", "http://h:1/sub/o/n", "http://h:1/sub/api/v1/repos/o/n/releases?limit=50&page=1"},
    {"gitea", "tags", "https://h/n", NULL},
    {"gitea", "tags", "o/n", NULL},
    {"endoflife", "cycles", "nginx", "https://endoflife.date/api/v1/products/nginx"},
    {"endoflife", "cycles", "http://h:1/nginx", "http://h:1/api/v1/products/nginx"},
    {"endoflife", "tags", "nginx", NULL},
    {"endoflife", "cycles", "", NULL},
};

static void test_first_urls(void)
{
    provider_options o = {.github_api_url = "https://api"};
    for (size_t i = 0; i < OV_COUNT(firsts); i++) {
        check_case(firsts[i].repo);
        job j = {.strategy = ov_str_of(firsts[i].strategy), .repo = ov_str_of(firsts[i].repo)};
        ov_buf url = OV_BUF(256);
        ov_err err = {0};
        j.provider = ov_str_of(firsts[i].provider);
        ov_status status = provider_of(&j)->first_url(&o, &j, &url, &err);
        CHECK_STATUS(status, firsts[i].url ? OV_OK : OV_INVALID, &err);
        if (firsts[i].url) CHECK_STR(ov_buf_str(&url), ov_str_of(firsts[i].url));
        ov_buf_clear(&url);
    }
    check_case(NULL);
}

/* A version that is too long is left out; it takes no other away. */
static void test_long_version(void)
{
    char page[2048] = "entries:\n  a:\n  - version: ";
    size_t len = strlen(page);
    memset(page + len, '9', 600);
    snprintf(page + len + 600, sizeof page - len - 600, "\n  - version: 1.0.0\n");
    page_case c = {"long version", "", "a", page, "a=1.0.0", NULL};
    check_case(c.name);
    run(&provider_helm, &c, 100);
}

int main(void)
{
    test_pages(&provider_github, github, OV_COUNT(github));
    test_pages(&provider_helm, helm, OV_COUNT(helm));
    test_pages(&provider_git, git_advertisements, OV_COUNT(git_advertisements));
    page_number = 1;
    test_pages(&provider_git, git_lists, OV_COUNT(git_lists));
    page_number = 0;
    test_pages(&provider_gitlab, gitlab, OV_COUNT(gitlab));
    test_pages(&provider_gitea, gitea, OV_COUNT(gitea));
    test_pages(&provider_endoflife, endoflife, OV_COUNT(endoflife));
    test_pages(&provider_oci, oci, OV_COUNT(oci));
    provider_name = "helm";
    test_pages(&provider_oci, oci_charts, OV_COUNT(oci_charts));
    test_first_urls();
    test_long_version();
    return check_end();
}
