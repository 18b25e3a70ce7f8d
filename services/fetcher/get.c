/* Resolves what a tracker would name, looks once and prints the list as it would be stored, or what a rule chooses
 * from it. */
#include "services/fetcher/get.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "candidates/candidates.h"
#include "proto/source.h"
#include "services/fetcher/outcome.h"
#include "services/fetcher/settings.h"
#include "base/poison.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NO_CANDIDATE = 3, STATUS_FAILURE_KIND = 10 };
enum { CHOICE_BYTES_MAX = 8192 /* of what is said about it */ };

#define RESULT "$1" /* a tracker's own default */

static const char purpose_text[] =
    "looks once at an upstream, without a bus, and prints the list\n\n"
    "With --pattern or --constraint it prints the candidates that an aggregator chooses from the list, in ascending\n"
    "order, and says what each filter dropped.\n\n"
    "exit status: 0 complete, 1 not begun, 2 bad arguments, 3 no candidate (the printed list is empty), 11 and above\n"
    "a failed look, whose kind is told";

typedef struct {
    char *provider, *strategy, *repo, *chart, *pattern, *result, *constraint;
} get_settings;

static ov_status check_pattern(const char *text, ov_err *err)
{
    ov_regex *regex = NULL;
    ov_status status = ov_regex_compile(ov_str_of(text), &regex, err);
    ov_regex_free(regex);
    return status == OV_OK ? OV_OK : ov_fail_in(err, status, "expected a regular expression of Go's syntax");
}

static ov_status check_constraint(const char *text, ov_err *err)
{
    ov_constraint *constraint = NULL;
    ov_status status = ov_constraint_parse(ov_str_of(text), &constraint, err);
    ov_constraint_free(constraint);
    return status;
}

#define AT(member) offsetof(get_settings, member)
static const ov_setting get_table[] = {
    {.flag = "provider",
     .type = OV_SET_TEXT,
     .offset = AT(provider),
     .required = true,
     .help = "one of the names above"},
    {.flag = "strategy",
     .type = OV_SET_TEXT,
     .offset = AT(strategy),
     .required = true,
     .help = "one of the provider's"},
    {.flag = "repo",
     .type = OV_SET_TEXT,
     .offset = AT(repo),
     .required = true,
     .help = "what to look at, as the examples above"},
    {.flag = "chart", .type = OV_SET_TEXT, .offset = AT(chart), .help = "the chart in a Helm repository"},
    {.flag = "pattern",
     .type = OV_SET_TEXT,
     .check = check_pattern,
     .offset = AT(pattern),
     .help = "a tracker's pattern for remote versions; with it, or with a constraint, the candidates are printed"},
    {.flag = "result",
     .type = OV_SET_TEXT,
     .offset = AT(result),
     .fallback = RESULT,
     .help = "what a version becomes where the pattern matches"},
    {.flag = "constraint",
     .type = OV_SET_TEXT,
     .check = check_constraint,
     .offset = AT(constraint),
     .help = "a tracker's constraint, such as \">= 1.2, < 2\""},
};
#undef AT

static ov_status print_list(const job *j, const version_list *l, ov_err *err)
{
    outcome_list one;
    ov_status status = outcome_list_make(j, l, NULL, NULL, &one, err);
    if (status == OV_OK) {
        fwrite(one.body.ptr, 1, one.body.len, stdout);
        putchar('\n');
    }
    ov_buf_clear(&one.body);
    return status;
}

/* "budget 41 of 60 until 2026-01-02T03:04:05.000Z", as far as upstream told. */
static void append_budget(const look_result *r, ov_buf *out)
{
    char until[OV_WALL_TEXT];
    if (r->budget_remaining < 0) return;
    ov_buf_printf(out, ", budget %lld", (long long)r->budget_remaining);
    if (r->budget_limit > 0) ov_buf_printf(out, " of %lld", (long long)r->budget_limit);
    if (r->budget_reset_s <= 0) return;
    ov_wall_format((ov_wall){r->budget_reset_s * 1000}, until);
    ov_buf_printf(out, " until %s", until);
}

static void tell(const look_result *r, const char *key, int64_t took_ms)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1024);
    ov_buf_printf(&text, "%s%s%s", lookup_outcome_name(r->outcome), r->failure ? " " : "",
                  lookup_failure_name(r->failure));
    if (r->status) ov_buf_printf(&text, ", HTTP %u", r->status);
    ov_buf_printf(&text, ", %lld requests, %llu bytes, %lld ms", (long long)r->requests, (unsigned long long)r->bytes,
                  (long long)took_ms);
    append_budget(r, &text);
    if (r->message[0]) ov_buf_printf(&text, ": %s", r->message);
    fprintf(stderr, "%s: %.*s\n", key, OV_STR_ARG(ov_buf_str(&text)));
}

typedef struct {
    const version_list *list;
    bool app_version;
} rule_input;

static ov_candidates_item item_of(const void *of, size_t i)
{
    const rule_input *in = of;
    const list_version *v = &in->list->versions[i];
    return (ov_candidates_item){in->app_version ? v->app_version : v->version, v->date_s};
}

/* The candidates, in their order; a view of c whose versions are the caller's to free. */
static version_list choose(ov_candidates *c, const version_list *from, bool app_version)
{
    const rule_input in = {from, app_version};
    int64_t steps = INT64_MAX;
    ov_candidates_begin(c, from->count);
    (void)ov_candidates_more(c, item_of, &in, &steps);
    version_list chosen = {.name = from->name, .present = true, .truncated = from->truncated, .count = c->count};
    chosen.versions = ov_calloc(c->count + 1, sizeof *chosen.versions);
    for (size_t i = 0; i < c->count; i++)
        chosen.versions[i] = (list_version){.version = c->versions[i]->original, .date_s = c->dates[i]};
    return chosen;
}

/* What the strategy appVersion lists: the first date of each; a view of from whose versions are the caller's to free.
 */
static version_list app_versions(const version_list *from)
{
    OV_CLEANUP(ov_map_clear) ov_map seen = {0};
    version_list all = {.name = from->name, .present = true, .truncated = from->truncated};
    all.versions = ov_calloc(from->count + 1, sizeof *all.versions);
    for (size_t i = 0; i < from->count; i++) {
        list_version one = from->versions[i];
        if (!one.app_version.len || ov_map_get(&seen, one.app_version)) continue;
        ov_map_put(&seen, one.app_version, all.versions);
        one.version = one.app_version;
        one.app_version = (ov_str){0};
        all.versions[all.count++] = one;
    }
    return all;
}

static void tell_choice(const ov_candidates *c, const char *key)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(CHOICE_BYTES_MAX), dropped = OV_BUF(CHOICE_BYTES_MAX);
    ov_candidates_write_dropped(c, &dropped);
    if (c->count)
        ov_buf_printf(&text, "%zu of %zu pass%s%.*s", c->count, c->total, dropped.len ? ", dropped: " : "",
                      OV_STR_ARG(ov_buf_str(&dropped)));
    else
        ov_candidates_explain(c, &text);
    fprintf(stderr, "%s: %.*s\n", key, OV_STR_ARG(ov_buf_str(&text)));
    char hint[OV_CONSTRAINT_HINT];
    if (c->constraint && ov_constraint_hint(c->constraint, hint)) fprintf(stderr, "--constraint: %s\n", hint);
}

/* What the look found, or with a rule (NULL: none) what that leaves of it. */
static int print_found(const job *j, const source *s, const look_result *r, ov_candidates *rule)
{
    const version_list *found = &r->lists.lists[0];
    ov_err err = {0};
    version_list made = {0};
    ov_status status = found->present ? OV_OK : ov_fail(&err, OV_NOT_FOUND, "upstream has no such list");
    if (status == OV_OK && rule) {
        made = choose(rule, found, s->app_version);
        tell_choice(rule, s->key);
    } else if (status == OV_OK && s->app_version) {
        made = app_versions(found);
    }
    if (status == OV_OK) status = print_list(j, made.versions ? &made : found, &err);
    free(made.versions);
    if (status == OV_OK) return rule && !rule->count ? STATUS_NO_CANDIDATE : EXIT_SUCCESS;
    fprintf(stderr, "%s: %s\n", s->key, err.msg);
    return STATUS_FAILURE_KIND + (int)(status == OV_NOT_FOUND ? FAILURE_NOT_FOUND : FAILURE_TOO_LARGE);
}

static int look_and_print(const look_options *o, ov_fetch *f, const source *s, ov_candidates *rule)
{
    ov_str wanted = ov_str_of(s->list);
    job j = {.source = ov_str_of(s->key),
             .provider = ov_str_of(s->provider),
             .strategy = ov_str_of(s->strategy),
             .repo = ov_str_of(s->repo),
             .lists = &wanted,
             .list_count = 1,
             .fresh_lists = true};
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    OV_CLEANUP(look_result_clear) look_result r;
    ov_mono began = ov_mono_now();
    look_run(o, f, &j, false, ov_wall_now().ms / 1000, &left, &r);
    tell(&r, s->key, ov_mono_since(ov_mono_now(), began));
    if (r.outcome != LOOKUP_COMPLETE) return STATUS_FAILURE_KIND + (int)r.failure;
    return print_found(&j, s, &r, rule);
}

static int look_with(look_options *o, credentials *known, ov_fetch *client, const source *s, ov_candidates *rule)
{
    const credentials_way way = {.fetch = client, .policy = o->policy, .connect_ms = o->connect_ms};
    credentials_user *user = credentials_user_new(known, &way);
    o->credential = credentials_give;
    o->credential_failure = credentials_user_failure;
    o->identity_token = credentials_identity_token;
    o->credential_id = credentials_user_id;
    o->credential_arg = user;
    int code = look_and_print(o, client, s, rule);
    credentials_user_free(user);
    return code;
}

static ov_status make_rule(const get_settings *g, ov_candidates *ret, ov_err *err)
{
    if (!g->pattern && g->result && strcmp(g->result, RESULT) != 0)
        return ov_fail(err, OV_INVALID, "--result: \"%.100s\": expected a --pattern with it", g->result);
    return ov_candidates_init(ret, ov_str_of(g->pattern), ov_str_of(g->result), ov_str_of(g->constraint), err);
}

static int get(const get_settings *g, const fetcher_settings *f)
{
    ov_err err = {0};
    ov_fetch_policy policy;
    look_options o;
    OV_CLEANUP(source_clear) source s = {0};
    OV_CLEANUP(ov_candidates_clear) ov_candidates rule = {0};
    bool chooses = g->pattern || g->constraint;
    report_remote remote = {.provider = ov_str_of(g->provider),
                            .strategy = ov_str_of(g->strategy),
                            .repo = ov_str_of(g->repo),
                            .chart = ov_str_of(g->chart)};
    ov_status status = make_rule(g, &rule, &err);
    if (status == OV_OK) status = fetcher_look_options(f, &policy, &o, &err);
    if (status == OV_OK) status = source_resolve(&remote, &s, &err);
    if (status != OV_OK) {
        fprintf(stderr, "opvic-fetcher get: %s\n", err.msg);
        return STATUS_USAGE;
    }
    credentials *known = NULL;
    ov_fetch *client = NULL;
    int code = STATUS_FAILED;
    if (fetcher_credentials(f, &known, &err) != OV_OK)
        code = STATUS_USAGE;
    else if (ov_fetch_new("opvic-fetcher/" OPVIC_VERSION, f->ca_file, &client, &err) == OV_OK)
        code = look_with(&o, known, client, &s, chooses ? &rule : NULL);
    if (!client) fprintf(stderr, "opvic-fetcher get: %s\n", err.msg);
    ov_fetch_free(client);
    credentials_free(known);
    return code;
}

int get_main(int argc, char **argv)
{
    get_settings g = {0};
    fetcher_settings f = {0};
    const ov_settings_table tables[] = {
        {get_table, OV_COUNT(get_table), &g},
        {fetcher_setting_table, fetcher_look_setting_count, &f},
    };
    ov_settings_outcome outcome;
    ov_err err = {0};
    int code = EXIT_SUCCESS;
    OV_CLEANUP(ov_free_p) char *purpose = source_providers_help(purpose_text);
    if (ov_settings_load("opvic-fetcher get", purpose, tables, OV_COUNT(tables), argc, argv, &outcome, &err) != OV_OK) {
        fprintf(stderr, "opvic-fetcher get: %s\n", err.msg);
        return STATUS_USAGE;
    }
    if (outcome == OV_SETTINGS_RUN) code = get(&g, &f);
    ov_settings_clear(tables, OV_COUNT(tables));
    return code;
}
