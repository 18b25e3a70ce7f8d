/* GitHub: releases and tags by the REST API, a hundred a page, in no version order; tags by the git protocol where the
 * API's budget does not allow them.
 * https://docs.github.com/rest/releases/releases#list-releases,
 * https://docs.github.com/rest/repos/repos#list-repository-tags */
#include "services/fetcher/json_page.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    ov_status status = provider_check_strategy(j, "releases", "tags", err);
    if (status != OV_OK) return status;
    if (!provider_is_path(j->repo, 2))
        return ov_fail(err, OV_INVALID, "repo: \"%.*s\": expected owner/name", OV_STR_ARG(ov_str_sub(j->repo, 0, 60)));
    ov_buf_append_c(out, o->github_api_url);
    ov_buf_append_c(out, "/repos/");
    ov_buf_append_str(out, j->repo);
    ov_buf_append_char(out, '/');
    ov_buf_append_str(out, j->strategy);
    ov_buf_append_c(out, "?per_page=100");
    return OV_OK;
}

/* Where the repositories of the API's server are; false when the API is neither the public one nor an Enterprise
 * Server's. */
static bool append_web_url(const char *api_url, ov_buf *out)
{
    ov_str api = ov_str_of(api_url), enterprise = OV_STR("/api/v3");
    if (ov_str_eq(api, OV_STR("https://api.github.com"))) {
        ov_buf_append_c(out, "https://github.com");
        return true;
    }
    if (!ov_str_ends(api, enterprise)) return false;
    ov_buf_append_str(out, ov_str_sub(api, 0, api.len - enterprise.len));
    return true;
}

static const provider *unbudgeted(const provider_options *o, const job *j, ov_buf *out)
{
    if (!ov_str_eq(j->strategy, OV_STR("tags")) || !append_web_url(o->github_api_url, out)) return NULL;
    ov_buf_append_char(out, '/');
    ov_buf_append_str(out, j->repo);
    ov_buf_append_c(out, ".git/info/refs?service=git-upload-pack");
    return &provider_git;
}

/* An item of either list: a release has tag_name, a tag only a name. */
typedef struct {
    ov_str tag_name, name, published_at;
    bool draft, prerelease;
} github_item;

static const ov_field release_fields[] = {
    {"tag_name", OV_FIELD_STRING, false, offsetof(github_item, tag_name)},
    {"published_at", OV_FIELD_STRING, false, offsetof(github_item, published_at)},
    {"draft", OV_FIELD_BOOL, false, offsetof(github_item, draft)},
    {"prerelease", OV_FIELD_BOOL, false, offsetof(github_item, prerelease)},
};
static const ov_field tag_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(github_item, name)},
};

static ov_status on_item(provider_page *page, version_list *to, ov_str element, ov_err *err)
{
    bool releases = ov_str_eq(page->j->strategy, OV_STR("releases"));
    github_item item = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status =
        releases ? ov_json_fields_of(element, release_fields, OV_COUNT(release_fields), &item, &arena, "release", err)
                 : ov_json_fields_of(element, tag_fields, OV_COUNT(tag_fields), &item, &arena, "tag", err);
    if (status != OV_OK) return status;
    ov_str name = releases ? item.tag_name : item.name;
    page->named += name.len > 0 || item.draft;
    if (item.draft) return OV_OK;
    list_version version = {
        .version = name, .date_s = provider_date_s(item.published_at), .prerelease = item.prerelease};
    version_lists_add(page->lists, to, &version);
    return OV_OK;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    return json_page_read(page, NULL, on_item, read, arg, err);
}

const provider provider_github = {
    .name = "github",
    .accept = "application/vnd.github+json",
    .media = "json",
    .numbered = true,
    .api = true,
    .unchanged_is_free = true,
    .first_url = first_url,
    .unbudgeted = unbudgeted,
    .parse = parse,
    .next = provider_link_next,
};
