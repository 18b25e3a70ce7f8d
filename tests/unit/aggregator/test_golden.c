/* The recorded trackers of tests/golden: the gaps that the Go system answered, from the lists of the recorded upstream.
 */
#include "json/tree.h"
#include "unit/aggregator/world.h"

#include "base/poison.h"

#define FOLDER "tests/golden/"

/* Where ours differs on purpose. */
static const struct {
    const char *row, *why, *state;
} departures[] = {
    {"provider-helm-repo", "charts' candidates are compared at all: there 1.0.0 of an alias had no answer", "behind"},
    {"provider-unknown", "the provider is known here", "pending"},
    {"gh-strategy-empty", "answered, with the reason", "invalid"},
    {"c14", "answered, with the reason", "invalid"},
    {"c17", "answered, with the reason", "invalid"},
    {"c19", "answered, with the reason", "invalid"},
    {"c20", "answered, with the reason", "invalid"},
    {"r01", "lookahead is refused in every cluster alike", "invalid"},
    {"r02", "a repeat count above 1000 is refused", "invalid"},
    {"r30", "answered, with the reason", "invalid"},
    {"r31", "answered, with the reason", "invalid"},
    {"r32", "answered, with the reason", "invalid"},
    {"r33", "answered, with the reason", "invalid"},
    {"r34", "answered, with the reason", "invalid"},
    {"r10", "a template is not expanded where the pattern did not match", "noCandidate"},
    {"r11", "a template is not expanded where the pattern did not match", "noCandidate"},
    {"r16", "a bad result takes no other version away", "noCandidate"},
    {"r17", "a bad result takes no other version away", "noCandidate"},
    {"r35", "a bad result takes no other version away", "noCandidate"},
    {"r22", "a bad result takes no other version away", NULL},
    {"badtags-tags-cons", "one bad tag takes no other version away", NULL},
    {"helm-weird-appVe", "one bad version takes no other away", NULL},
    {"shapes-tags", "of spellings of one version one stays", NULL},
    {"shapes-tags-cons", "of spellings of one version one stays", NULL},
    {"pre00", "drafts are no releases", NULL},
    {"pre02", "drafts are no releases", NULL},
    {"pre09", "drafts are no releases", NULL},
    {"pre-running-newer", "drafts are no releases", NULL},
    {"repo-trailing", "a slash at the end names the same repository", "behind"},
    {"names-rx", "releases match by tag, not by title", NULL},
    {"run10", "an unparseable running version stays in the answer", "unparseable"},
    {"run11", "an unparseable running version stays in the answer", "unparseable"},
    {"run12", "an unparseable running version stays in the answer", "unparseable"},
    {"run13", "an unparseable running version stays in the answer", "unparseable"},
    {"run15", "an unparseable running version stays in the answer", "unparseable"},
    {"run18", "an unparseable running version stays in the answer", "unparseable"},
    {"run19", "an unparseable running version stays in the answer", "unparseable"},
    {"run20", "an unparseable running version stays in the answer", "unparseable"},
    {"run23", "an unparseable running version stays in the answer", "unparseable"},
    {"run24", "an unparseable running version stays in the answer", "unparseable"},
    {"run25", "an unparseable running version stays in the answer", "unparseable"},
    {"run-one-bad", "one bad running version takes no other away", "unparseable"},
};

/* What stands in the recorded indexes. */
static const struct {
    const char *source, *chart, *version, *app_version;
} charts[] = {
    {"charts", "artifactory", "107.29.7", "7.29.7"},
    {"charts", "artifactory", "107.27.10", "7.27.10"},
    {"charts", "artifactory", "107.27.9", "7.27.9"},
    {"charts", "artifactory", "12.1.0", "6.23.38"},
    {"charts", "plainnum", "0.3.0", "1.10"},
    {"charts", "plainnum", "0.2.0", "1.9"},
    {"charts", "plainnum", "0.1.0", "2"},
    {"charts", "vpre", "1.5.0", "v1.5.0"},
    {"charts", "vpre", "1.6.0-alpha.0", "v1.6.0-alpha.0"},
    {"charts", "vpre", "v2.0.0", "v2.0.0"},
    {"charts", "noapp", "1.0.0", ""},
    {"charts", "noapp", "1.1.0", ""},
    {"charts", "weird", "1.0.0", "latest"},
    {"charts", "weird", "1.1.0", "2021-11-01"},
    {"charts", "quoted", "3.1.4+up1.2", "3.1.4"},
    {"charts", "quoted", "3.2.0", "3.2.0"},
    {"charts", "anchors", "1.0.0", "1.0.0"},
    {"charts", "anchors", "1.1.0", "1.0.0"},
    {"charts", "nulls", "1.0.0", "1.0.0"},
    {"json", "a", "1.0.0", "2.0.0"},
    {"json", "a", "1.2.0", "2.0.1"},
};

static void store_list(world *w, list *l)
{
    ov_buf out = OV_BUF(LIST_BYTES_MAX);
    char subject[SUBJECT_MAX];
    list_encode(l, &out);
    subject_list(l->source, l->list, subject);
    world_store(w, INPUT_LISTS, subject, ov_buf_str(&out), "", "");
    ov_buf_clear(&out);
}

static void store_github(world *w, const char *repo, const char *strategy, const cJSON *items)
{
    char source[256];
    snprintf(source, sizeof source, "github/%s/%s", strategy, repo);
    list_version versions[512];
    list l = {.source = ov_str_of(source), .versions = versions};
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        if (cJSON_IsTrue(ov_json_member(item, "draft"))) continue;
        bool release = ov_json_member(item, "tag_name") != NULL;
        versions[l.count++] = (list_version){.version = ov_json_member_str(item, release ? "tag_name" : "name"),
                                             .prerelease = cJSON_IsTrue(ov_json_member(item, "prerelease"))};
    }
    store_list(w, &l);
}

static void store_upstream(world *w)
{
    ov_err err = {0};
    size_t len;
    OV_CLEANUP(ov_free_p) char *text = check_read_file(FOLDER "upstream/github.json", &len);
    OV_CLEANUP(ov_json_tree_p) cJSON *root = NULL;
    CHECK_OK(ov_json_tree((ov_str){text, len}, &root, &err), &err);
    const cJSON *repo;
    cJSON_ArrayForEach(repo, root)
    {
        const cJSON *releases = ov_json_member(repo, "releases"), *tags = ov_json_member(repo, "tags");
        if (releases) store_github(w, repo->string, "releases", releases);
        if (tags) store_github(w, repo->string, "tags", tags);
    }
    for (size_t i = 0; i < OV_COUNT(charts);) {
        char source[256];
        list_version versions[8];
        snprintf(source, sizeof source, "helm/index/http://upstream.test/%s", charts[i].source);
        list l = {.source = ov_str_of(source), .list = ov_str_of(charts[i].chart), .versions = versions};
        for (size_t from = i; i < OV_COUNT(charts) && !strcmp(charts[i].chart, charts[from].chart) &&
                              !strcmp(charts[i].source, charts[from].source);
             i++)
            versions[l.count++] = (list_version){.version = ov_str_of(charts[i].version),
                                                 .app_version = ov_str_of(charts[i].app_version)};
        store_list(w, &l);
    }
}

/* {UPSTREAM} in the recorded rows. */
static ov_buf with_upstream(const char *text)
{
    static const char mark[] = "{UPSTREAM}";
    ov_buf out = OV_BUF(1 << 20);
    for (const char *hit; (hit = strstr(text, mark)); text = hit + sizeof mark - 1) {
        ov_buf_append(&out, text, (size_t)(hit - text));
        ov_buf_append_c(&out, "http://upstream.test");
    }
    ov_buf_append_c(&out, text);
    return out;
}

static int by_value(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The strings of an array, sorted and joined. */
static ov_buf joined(const cJSON *array)
{
    const char *items[1024];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) items[n++] = item->valuestring;
    qsort(items, n, sizeof *items, by_value);
    ov_buf out = OV_BUF(1 << 20);
    for (size_t i = 0; i < n; i++) {
        ov_buf_append_c(&out, items[i]);
        ov_buf_append_char(&out, ' ');
    }
    return out;
}

static void compare_lists(const cJSON *got, const cJSON *want)
{
    static const char *const names[] = {"availableVersions", "availableMajors", "availableMinors", "availablePatches"};
    for (size_t i = 0; i < OV_COUNT(names); i++) {
        ov_buf g = joined(ov_json_member(got, names[i])), e = joined(ov_json_member(want, names[i]));
        CHECK_STR(ov_buf_str(&g), ov_buf_str(&e));
        ov_buf_clear(&g);
        ov_buf_clear(&e);
    }
    CHECK_STR(ov_json_member_str(got, "latestVersion"), ov_json_member_str(want, "latestVersion"));
}

/* The gap that the verdict's document tells. */
static cJSON *gap_of(const world *w, ov_str verdict)
{
    char key[SUBJECT_MAX];
    key_verdict(verdict, key);
    ov_err err = {0};
    verdict_doc d = {0};
    cJSON *gap = NULL;
    CHECK_OK(verdict_doc_decode(world_doc(w, key), &d, &err), &err);
    CHECK_OK(ov_json_tree(d.gap, &gap, &err), &err);
    verdict_doc_clear(&d);
    return gap;
}

/* The tracker's id, as posted. */
static cJSON *posted(const cJSON *row, ov_str *ret_id)
{
    ov_err err = {0};
    cJSON *body = NULL;
    CHECK_OK(ov_json_tree(ov_str_of(ov_json_member(row, "post")->valuestring), &body, &err), &err);
    *ret_id = ov_json_member_str(ov_json_member(body, "version"), "id");
    return body;
}

static void compare_row(const world *w, const cJSON *row)
{
    ov_str name = ov_json_member_str(row, "name"), id;
    char key[SUBJECT_MAX];
    OV_CLEANUP(ov_json_tree_p) cJSON *body = posted(row, &id);
    key_entry(OV_STR("edge"), id, key);
    entry_doc d = {0};
    ov_err err = {0};
    check_case(name.ptr);
    if (!CHECK_STATUS(entry_doc_decode(world_doc(w, key), &d, &err), OV_OK, &err)) return;
    for (size_t i = 0; i < OV_COUNT(departures); i++) {
        if (!ov_str_eq(name, ov_str_of(departures[i].row))) continue;
        if (departures[i].state) CHECK_C(state_value_name(d.state), departures[i].state);
        entry_doc_clear(&d);
        return;
    }
    const cJSON *want = ov_json_member(row, "versions");
    if (ov_json_member(row, "status")->valueint != 200) {
        CHECK_STR(d.latest, OV_STR("missing")); /* its source has no answer: that harms nobody else */
        entry_doc_clear(&d);
        return;
    }
    CHECK_STR(d.latest, ov_json_member_str(want, "latestVersion"));
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, ov_json_member(want, "versions"))
    {
        if (!CHECK(i < d.version_count)) break;
        if (d.versions[i].verdict.len) {
            OV_CLEANUP(ov_json_tree_p) cJSON *gap = gap_of(w, d.versions[i].verdict);
            compare_lists(gap, item);
        } else {
            CHECK_STR(ov_json_member_str(item, "latestVersion"), OV_STR("missing"));
        }
        i++;
    }
    entry_doc_clear(&d);
}

/* Calls each for all rows of the file. */
static void each_row(const char *text, world *w, void (*each)(world *w, const cJSON *row))
{
    ov_str rest = ov_str_of(text), line;
    while (ov_str_split(&rest, '\n', &line)) {
        OV_CLEANUP(ov_json_tree_p) cJSON *row = NULL;
        ov_err err = {0};
        if (!line.len) continue;
        CHECK_OK(ov_json_tree(line, &row, &err), &err);
        each(w, row);
    }
}

static void post(world *w, const cJSON *row)
{
    char subject[SUBJECT_MAX];
    ov_str id;
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = posted(row, &id);
    subject_report(OV_STR("edge"), id, subject);
    ov_buf body = with_upstream(ov_json_member(row, "post")->valuestring);
    world_store(w, INPUT_REPORTS, subject, ov_buf_str(&body), "", "");
    ov_buf_clear(&body);
}

static void compare(world *w, const cJSON *row)
{
    compare_row(w, row);
}

int main(void)
{
    world w;
    OV_CLEANUP(ov_free_p) char *text = check_read_file(FOLDER "edge.jsonl", NULL);
    world_init(&w);
    world_start(&w);
    each_row(text, &w, post);
    store_upstream(&w);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(aggregate_figures(w.a)->undecodable[INPUT_REPORTS], 0);
    CHECK_INT(aggregate_figures(w.a)->undecodable[INPUT_LISTS], 0);
    each_row(text, &w, compare);
    world_clear(&w);
    return check_end();
}
