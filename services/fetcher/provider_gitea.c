/* Gitea and Forgejo: releases and tags by the REST API, fifty a page.
 * https://docs.gitea.com/api (repoListReleases, repoListTags) */
#include "services/fetcher/json_page.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

/* What servers allow by default (MAX_RESPONSE_ITEMS); one that allows less gives shorter pages. */
enum { PER_PAGE = 50 };

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    ov_status status = provider_check_strategy(j, "releases", "tags", err);
    if (status != OV_OK) return status;
    size_t slashes = 0, at = j->repo.len;
    while (at > 0 && slashes < 2) slashes += j->repo.ptr[--at] == '/';
    ov_str base = ov_str_sub(j->repo, 0, at);
    if (slashes < 2 || ov_str_find(base, '/', 0) + 2 >= base.len)
        return ov_fail(err, OV_INVALID, "repo: \"%.*s\": expected https://HOST/owner/name",
                       OV_STR_ARG(ov_str_sub(j->repo, 0, 60)));
    ov_buf_append_str(out, base);
    ov_buf_append_c(out, "/api/v1/repos");
    ov_buf_append_str(out, ov_str_sub(j->repo, at, j->repo.len));
    ov_buf_append_char(out, '/');
    ov_buf_append_str(out, j->strategy);
    ov_buf_printf(out, "?limit=%d&page=1", PER_PAGE);
    return OV_OK;
}

typedef struct {
    ov_str tag_name, name, at, commit;
    bool draft, prerelease;
} gitea_item;

static const ov_field release_fields[] = {
    {"tag_name", OV_FIELD_STRING, false, offsetof(gitea_item, tag_name)},
    {"published_at", OV_FIELD_STRING, false, offsetof(gitea_item, at)},
    {"draft", OV_FIELD_BOOL, false, offsetof(gitea_item, draft)},
    {"prerelease", OV_FIELD_BOOL, false, offsetof(gitea_item, prerelease)},
};
static const ov_field tag_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(gitea_item, name)},
    {"commit", OV_FIELD_OBJECT, false, offsetof(gitea_item, commit)},
};
static const ov_field commit_fields[] = {
    {"created", OV_FIELD_STRING, false, offsetof(gitea_item, at)},
};

static ov_status on_item(provider_page *page, version_list *to, ov_str element, ov_err *err)
{
    bool tags = ov_str_eq(page->j->strategy, OV_STR("tags"));
    gitea_item item = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status =
        tags ? ov_json_fields_of(element, tag_fields, OV_COUNT(tag_fields), &item, &arena, "tag", err)
             : ov_json_fields_of(element, release_fields, OV_COUNT(release_fields), &item, &arena, "release", err);
    if (status == OV_OK && item.commit.len)
        status = ov_json_fields_of(item.commit, commit_fields, OV_COUNT(commit_fields), &item, &arena, "commit", err);
    if (status != OV_OK) return status;
    ov_str name = tags ? item.name : item.tag_name;
    page->named += name.len > 0 || item.draft;
    if (item.draft) return OV_OK;
    list_version version = {.version = name, .date_s = provider_date_s(item.at), .prerelease = item.prerelease};
    version_lists_add(page->lists, to, &version);
    return OV_OK;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    return json_page_read(page, NULL, on_item, read, arg, err);
}

/* Lists of tags have no Link, and how long a full page is depends on the server: only an empty page is surely the last.
 */
static bool next(const provider_page *page, char *out, size_t size)
{
    if (page->answer->link[0]) return provider_link_next(page, out, size);
    return page->items > 0 && provider_count_up(page, out, size);
}

const provider provider_gitea = {
    .name = "gitea",
    .accept = "application/json",
    .media = "json",
    .numbered = true,
    .api = true,
    .first_url = first_url,
    .parse = parse,
    .next = next,
};
