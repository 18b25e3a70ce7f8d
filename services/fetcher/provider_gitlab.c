/* GitLab: releases and tags of a project by the REST API, a hundred a page.
 * https://docs.gitlab.com/api/releases/#list-releases, https://docs.gitlab.com/api/tags/#list-project-repository-tags
 */
#include "services/fetcher/json_page.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

enum { PER_PAGE = 100 };

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    ov_status status = provider_check_strategy(j, "releases", "tags", err);
    if (status != OV_OK) return status;
    size_t scheme = ov_str_starts(j->repo, OV_STR("https://")) ? 8 : ov_str_starts(j->repo, OV_STR("http://")) ? 7 : 0;
    size_t slash = ov_str_find(j->repo, '/', scheme);
    if (!scheme || slash + 1 >= j->repo.len)
        return ov_fail(err, OV_INVALID, "repo: \"%.*s\": expected https://HOST/group/name",
                       OV_STR_ARG(ov_str_sub(j->repo, 0, 60)));
    ov_buf_append_str(out, ov_str_sub(j->repo, 0, slash));
    ov_buf_append_c(out, "/api/v4/projects/");
    provider_append_escaped(out, ov_str_sub(j->repo, slash + 1, j->repo.len));
    ov_buf_append_c(out, ov_str_eq(j->strategy, OV_STR("tags")) ? "/repository/tags" : "/releases");
    ov_buf_printf(out, "?per_page=%d&page=1", PER_PAGE);
    return OV_OK;
}

typedef struct {
    ov_str tag_name, name, at, commit;
    bool upcoming;
} gitlab_item;

static const ov_field release_fields[] = {
    {"tag_name", OV_FIELD_STRING, false, offsetof(gitlab_item, tag_name)},
    {"released_at", OV_FIELD_STRING, false, offsetof(gitlab_item, at)},
    {"upcoming_release", OV_FIELD_BOOL, false, offsetof(gitlab_item, upcoming)},
};
static const ov_field tag_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(gitlab_item, name)},
    {"created_at", OV_FIELD_STRING, false, offsetof(gitlab_item, at)}, /* null for a tag without a message */
    {"commit", OV_FIELD_OBJECT, false, offsetof(gitlab_item, commit)},
};
static const ov_field commit_fields[] = {
    {"created_at", OV_FIELD_STRING, false, offsetof(gitlab_item, at)},
};

static ov_status on_item(provider_page *page, version_list *to, ov_str element, ov_err *err)
{
    bool tags = ov_str_eq(page->j->strategy, OV_STR("tags"));
    gitlab_item item = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status =
        tags ? ov_json_fields_of(element, tag_fields, OV_COUNT(tag_fields), &item, &arena, "tag", err)
             : ov_json_fields_of(element, release_fields, OV_COUNT(release_fields), &item, &arena, "release", err);
    if (status == OV_OK && !item.at.len && item.commit.len)
        status = ov_json_fields_of(item.commit, commit_fields, OV_COUNT(commit_fields), &item, &arena, "commit", err);
    if (status != OV_OK) return status;
    ov_str name = tags ? item.name : item.tag_name;
    page->named += name.len > 0 || item.upcoming;
    if (item.upcoming) return OV_OK;
    list_version version = {.version = name, .date_s = provider_date_s(item.at)};
    version_lists_add(page->lists, to, &version);
    return OV_OK;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    return json_page_read(page, NULL, on_item, read, arg, err);
}

/* Proxies are known to drop the Link header for its length: behind a full page that has none the next one is asked for.
 */
static bool next(const provider_page *page, char *out, size_t size)
{
    if (page->answer->link[0]) return provider_link_next(page, out, size);
    return page->items >= PER_PAGE && provider_count_up(page, out, size);
}

const provider provider_gitlab = {
    .name = "gitlab",
    .accept = "application/json",
    .media = "json",
    .numbered = true,
    .api = true,
    .first_url = first_url,
    .parse = parse,
    .next = next,
};
