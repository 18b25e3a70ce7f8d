/* Holds one of examples/trackers/ against what its add-on runs and publishes: its row of the tables in trackers/. */
#include <stdio.h>

#include "base/mem.h"
#include "crd_document.h"
#include "proto/source.h"
#include "services/aggregator/rule.h"
#include "services/collector/extract/extract.h"
#include "support/check.h"

#include "base/poison.h"

#define EXAMPLES "examples/trackers"
#define TABLES "tests/contract/trackers"

enum { PATH_BYTES = 256 };

/* ---- what upstream publishes, in its own spelling */

/* The texts are views into the table, or into a recorded list that holder keeps. */
typedef struct {
    list_version *items;
    size_t count, cap;
    char *lines;
    cJSON *index;
} published;

static void published_clear(published *p)
{
    ov_free_p(&p->items);
    ov_free_p(&p->lines);
    ov_json_tree_p(&p->index);
}

/* A rule over appVersions looks at app_version, every other at version. */
static void publish(published *p, ov_str text)
{
    ov_grow(&p->items, &p->cap, p->count + 1, sizeof *p->items);
    p->items[p->count++] = (list_version){.version = text, .app_version = text};
}

static void publish_all(published *p, const cJSON *texts)
{
    for (const cJSON *m = texts ? texts->child : NULL; m; m = m->next)
        if (CHECK(cJSON_IsString(m))) publish(p, ov_str_of(m->valuestring));
}

/* Lines of tag, date and commit. */
static void publish_tags(published *p, const char *path)
{
    ov_str line, tag;
    p->lines = check_read_file(path, NULL);
    ov_str rest = ov_str_of(p->lines);
    while (ov_str_split(&rest, '\n', &line))
        if (ov_str_split(&line, '\t', &tag) && tag.len > 0) publish(p, tag);
}

static void publish_index(published *p, const char *path, ov_str chart)
{
    char name[PATH_BYTES];
    snprintf(name, sizeof name, "%.*s", OV_STR_ARG(chart));
    p->index = document_read(path);
    const cJSON *row = ov_json_member(ov_json_member(p->index, "entries"), name);
    for (row = row ? row->child : NULL; row; row = row->next) publish(p, ov_json_member_str(row, "version"));
}

static bool is_published(const published *p, ov_str text)
{
    for (size_t i = 0; i < p->count; i++)
        if (ov_str_eq(p->items[i].version, text)) return true;
    return false;
}

/* ---- what the control plane makes of it, by the only code that chooses */

typedef struct {
    upstream *u;
    intern *texts;
    rule *r;
} choice;

static void choice_clear(choice *c)
{
    if (c->r) rule_free(c->r, c->texts);
    if (c->u) upstream_free(c->u);
    if (c->texts) intern_free(c->texts);
}

static bool choose(choice *c, const report_remote *remote, const published *p)
{
    ov_err err = {0};
    bool changed;
    source of = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(LIST_BYTES_MAX);
    list all = {.source = OV_STR("s"), .versions = p->items, .count = p->count};
    if (!CHECK_OK(source_resolve(remote, &of, &err), &err)) return false;
    bool app_version = of.app_version;
    source_clear(&of);
    *c = (choice){.u = upstream_new(OV_STR("s")), .texts = intern_new()};
    upstream_list *l = upstream_list_named(c->u, OV_STR(""));
    list_encode(&all, &body);
    if (!CHECK_OK(upstream_list_take(l, ov_buf_str(&body), &changed, &err), &err)) return false;
    ov_status s = rule_new("0123456789abcdef0123456789abcdef", l, app_version, remote, &c->r, &err);
    if (!CHECK_OK(s, &err)) return false;
    rule_choose(c->r);
    rule_stand(c->r, c->texts);
    return true;
}

static bool has_candidate(const rule *r, ov_str version)
{
    OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
    ov_err err = {0};
    if (!CHECK_OK(ov_version_parse(version, &v, &err), &err)) return false;
    for (size_t i = 0; i < r->candidates.count; i++)
        if (ov_str_eq(r->candidates.versions[i]->canonical, v->canonical)) return true;
    return false;
}

/* How many of these alone become candidates. */
static size_t candidates_of(const report_remote *remote, const cJSON *texts)
{
    OV_CLEANUP(published_clear) published p = {0};
    OV_CLEANUP(choice_clear) choice c = {0};
    publish_all(&p, texts);
    return choose(&c, remote, &p) ? c.r->candidates.count : 0;
}

/* ---- the example */

static tracker_spec *spec_of(const cJSON *example, const char *name)
{
    tracker_spec *t = NULL;
    ov_err err = {0};
    CHECK_C(ov_json_member(example, "apiVersion")->valuestring, "opvic.skillz.com/v1alpha1");
    CHECK_STR(ov_json_member_str(ov_json_member(example, "metadata"), "name"), ov_str_of(name));
    if (!CHECK_OK(tracker_parse(example, &t, &err), &err)) return NULL;
    CHECK_STR(t->name, ov_str_of(name));
    CHECK(t->has_remote);
    CHECK_C(t->remote_problem.msg, "");
    CHECK_C(t->remote_note.msg, "");
    return t;
}

static void check_run(const tracker_spec *t, const cJSON *run, const rule *r)
{
    OV_CLEANUP(ov_buf_clear) ov_buf version = OV_BUF(EXTRACT_VERSION_MAX);
    OV_CLEANUP(ov_buf_clear) ov_buf from = OV_BUF(EXTRACT_VALUE_MAX);
    ov_err err = {0};
    const cJSON *object = ov_json_member(run, "object");
    CHECK_STR(ov_json_member_str(object, "kind"), t->kind.kind);
    CHECK(tracker_matches(t, object));
    if (!CHECK_C(extract_outcome_name(extract_version(t, object, &version, &from, &err)), "fine"))
        fprintf(stderr, "%s\n", err.msg);
    CHECK_STR(ov_buf_str(&version), ov_json_member_str(run, "version"));
    if (version.len > 0) CHECK(has_candidate(r, ov_buf_str(&version)));
}

static void check_table(const tracker_spec *t, const cJSON *table, const rule *r)
{
    const cJSON *runs = ov_json_member(table, "runs"), *neighbours = ov_json_member(table, "neighbours");
    CHECK(cJSON_GetArraySize(runs) > 0);
    for (const cJSON *run = runs ? runs->child : NULL; run; run = run->next) check_run(t, run, r);
    for (const cJSON *other = neighbours ? neighbours->child : NULL; other; other = other->next)
        CHECK(!tracker_matches(t, other));
    if (CHECK(r->candidates.count > 0))
        CHECK_STR(r->candidates.versions[r->candidates.count - 1]->canonical, ov_json_member_str(table, "latest"));
}

static void check_example(const cJSON *example, const cJSON *table, const char *name)
{
    OV_CLEANUP(tracker_free_p) tracker_spec *t = spec_of(example, name);
    OV_CLEANUP(published_clear) published p = {0};
    OV_CLEANUP(choice_clear) choice c = {0};
    const cJSON *candidates = ov_json_member(table, "candidates"), *left_out = ov_json_member(table, "leftOut");
    const cJSON *recorded = ov_json_member(table, "recorded");
    if (!t) return;
    if (!recorded)
        publish_all(&p, left_out);
    else if (t->remote.chart.len > 0)
        publish_index(&p, recorded->valuestring, t->remote.chart);
    else
        publish_tags(&p, recorded->valuestring);
    publish_all(&p, candidates);
    CHECK(p.count >= 10);
    CHECK_INT(candidates_of(&t->remote, candidates), candidates ? cJSON_GetArraySize(candidates) : 0);
    CHECK_INT(candidates_of(&t->remote, left_out), 0);
    for (const cJSON *m = left_out ? left_out->child : NULL; m; m = m->next)
        CHECK(is_published(&p, ov_str_of(m->valuestring)));
    if (choose(&c, &t->remote, &p)) check_table(t, table, c.r);
}

int main(int argc, char **argv)
{
    char path[PATH_BYTES];
    if (argc != 2) {
        fprintf(stderr, "usage: %s EXAMPLE\n", argv[0]);
        return 2;
    }
    check_case(argv[1]);
    snprintf(path, sizeof path, EXAMPLES "/%s.yaml", argv[1]);
    OV_CLEANUP(ov_json_tree_p) cJSON *example = document_read(path);
    snprintf(path, sizeof path, TABLES "/%s.yaml", argv[1]);
    OV_CLEANUP(ov_json_tree_p) cJSON *table = document_read(path);
    if (example && table) check_example(example, table, argv[1]);
    return check_end();
}
