/* Resolves what a tracker would name, looks once and prints the list as it would be stored. */
#include "services/fetcher/get.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/source.h"
#include "services/fetcher/outcome.h"
#include "services/fetcher/settings.h"
#include "base/poison.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_FAILURE_KIND = 10 };

typedef struct {
    char *provider, *strategy, *repo, *chart;
} get_settings;

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
};
#undef AT

static ov_status print_list(const job *j, const look_result *r, ov_err *err)
{
    outcome_list one;
    ov_status status = outcome_list_make(j, &r->lists.lists[0], NULL, NULL, &one, err);
    if (status == OV_OK && !r->lists.lists[0].present) status = ov_fail(err, OV_NOT_FOUND, "upstream has no such list");
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

static int look_and_print(const look_options *o, ov_fetch *f, const source *s)
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
    ov_err err = {0};
    ov_status status = print_list(&j, &r, &err);
    if (status == OV_OK) return EXIT_SUCCESS;
    fprintf(stderr, "%s: %s\n", s->key, err.msg);
    return STATUS_FAILURE_KIND + (int)(status == OV_NOT_FOUND ? FAILURE_NOT_FOUND : FAILURE_TOO_LARGE);
}

static int look_with(look_options *o, credentials *known, ov_fetch *client, const source *s)
{
    const credentials_way way = {.fetch = client, .policy = o->policy, .connect_ms = o->connect_ms};
    credentials_user *user = credentials_user_new(known, &way);
    o->credential = credentials_give;
    o->credential_failure = credentials_user_failure;
    o->identity_token = credentials_identity_token;
    o->credential_id = credentials_user_id;
    o->credential_arg = user;
    int code = look_and_print(o, client, s);
    credentials_user_free(user);
    return code;
}

static int get(const get_settings *g, const fetcher_settings *f)
{
    ov_err err = {0};
    ov_fetch_policy policy;
    look_options o;
    OV_CLEANUP(source_clear) source s = {0};
    report_remote remote = {.provider = ov_str_of(g->provider),
                            .strategy = ov_str_of(g->strategy),
                            .repo = ov_str_of(g->repo),
                            .chart = ov_str_of(g->chart)};
    ov_status status = fetcher_look_options(f, &policy, &o, &err);
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
        code = look_with(&o, known, client, &s);
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
    OV_CLEANUP(ov_free_p) char *purpose = source_providers_help("one look at an upstream, without a bus");
    if (ov_settings_load("opvic-fetcher get", purpose, tables, OV_COUNT(tables), argc, argv, &outcome, &err) != OV_OK) {
        fprintf(stderr, "opvic-fetcher get: %s\n", err.msg);
        return STATUS_USAGE;
    }
    if (outcome == OV_SETTINGS_RUN) code = get(&g, &f);
    ov_settings_clear(tables, OV_COUNT(tables));
    return code;
}
