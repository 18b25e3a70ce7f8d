/* What the page parsers make of good, odd and damaged pages, however the bytes are cut. */
#include "services/fetcher/provider.h"

#include <stdio.h>

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

/* "name=version/appVersion@date! ..." of all present lists, prereleases and deprecated ones marked. */
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
        }
    }
}

typedef struct {
    const char *name, *strategy, *lists, *page;
    const char *want;  /* NULL: malformed */
    const char *error; /* part of the message then */
} page_case;

static void run(const provider *p, const page_case *c, size_t step)
{
    ov_str wanted[8], rest = ov_str_of(c->lists);
    job j = {.strategy = ov_str_of(c->strategy), .lists = wanted};
    while (c->lists[0] && ov_str_split(&rest, ' ', &wanted[j.list_count])) j.list_count++;
    version_lists v;
    version_lists_init(&v, &j);
    cut_text text = {ov_str_of(c->page), step};
    ov_err err = {0};
    provider_page page = {.j = &j, .lists = &v};
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
};

static void test_first_urls(void)
{
    provider_options o = {.github_api_url = "https://api"};
    for (size_t i = 0; i < OV_COUNT(firsts); i++) {
        check_case(firsts[i].repo);
        job j = {.strategy = ov_str_of(firsts[i].strategy), .repo = ov_str_of(firsts[i].repo)};
        ov_buf url = OV_BUF(256);
        ov_err err = {0};
        ov_status status = provider_find(ov_str_of(firsts[i].provider))->first_url(&o, &j, &url, &err);
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
    test_first_urls();
    test_long_version();
    return check_end();
}
