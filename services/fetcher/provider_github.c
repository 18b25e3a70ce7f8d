/* GitHub: releases and tags by the REST API, a hundred a page, in no version order.
 * https://docs.github.com/rest/releases/releases#list-releases,
 * https://docs.github.com/rest/repos/repos#list-repository-tags */
#include "services/fetcher/provider.h"

#include "json/fields.h"
#include "json/splitter.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/poison.h"

enum {
    ITEM_BYTES_MAX = 8 * 1024 * 1024, /* a release with its notes and assets */
    PIECE_BYTES = 16 * 1024
};

static bool is_path(ov_str repo)
{
    ov_str rest = repo, segment;
    size_t segments = 0;
    while (ov_str_split(&rest, '/', &segment)) {
        if (segment.len == 0 || ov_str_eq(segment, OV_STR(".")) || ov_str_eq(segment, OV_STR(".."))) return false;
        for (size_t i = 0; i < segment.len; i++) {
            char c = segment.ptr[i];
            bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!plain && c != '-' && c != '_' && c != '.') return false;
        }
        segments++;
    }
    return segments >= 2;
}

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    if (!ov_str_eq(j->strategy, OV_STR("releases")) && !ov_str_eq(j->strategy, OV_STR("tags")))
        return ov_fail(err, OV_INVALID, "strategy: \"%.*s\": expected one of releases, tags",
                       OV_STR_ARG(ov_str_sub(j->strategy, 0, 60)));
    if (!is_path(j->repo))
        return ov_fail(err, OV_INVALID, "repo: \"%.*s\": expected owner/name", OV_STR_ARG(ov_str_sub(j->repo, 0, 60)));
    ov_buf_append_c(out, o->github_api_url);
    ov_buf_append_c(out, "/repos/");
    ov_buf_append_str(out, j->repo);
    ov_buf_append_char(out, '/');
    ov_buf_append_str(out, j->strategy);
    ov_buf_append_c(out, "?per_page=100");
    return OV_OK;
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

typedef struct {
    version_lists *lists;
    version_list *to;
    bool releases;
} github_page;

static ov_status on_item(void *arg, ov_str element, ov_err *err)
{
    github_page *page = arg;
    if (ov_str_eq(element, OV_STR("null"))) return OV_OK;
    github_item item = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status =
        page->releases
            ? ov_json_fields_of(element, release_fields, OV_COUNT(release_fields), &item, &arena, "release", err)
            : ov_json_fields_of(element, tag_fields, OV_COUNT(tag_fields), &item, &arena, "tag", err);
    if (status != OV_OK || item.draft) return status;
    ov_wall published = {0};
    if (ov_wall_parse(item.published_at, &published, NULL) != OV_OK) published.ms = 0;
    list_version version = {.version = page->releases ? item.tag_name : item.name,
                            .date_s = published.ms / 1000,
                            .prerelease = item.prerelease};
    return version_lists_add(page->lists, page->to, &version, err);
}

static void splitter_free_p(ov_json_splitter **s)
{
    ov_json_splitter_free(*s);
}

static ov_status parse(const job *j, provider_read read, void *arg, version_lists *lists, ov_err *err)
{
    github_page page = {.lists = lists, .to = version_lists_find(lists, (ov_str){0})};
    page.releases = ov_str_eq(j->strategy, OV_STR("releases"));
    if (!page.to) return ov_fail(err, OV_INVALID, "the job names lists that GitHub does not have");
    page.to->present = true;
    OV_CLEANUP(splitter_free_p) ov_json_splitter *s = ov_json_splitter_new(NULL, ITEM_BYTES_MAX, on_item, &page);
    OV_CLEANUP(ov_free_p) char *piece = ov_alloc(PIECE_BYTES);
    for (;;) {
        size_t len = 0;
        ov_status status = read(arg, piece, PIECE_BYTES, &len, err);
        if (status == OV_OK && len == 0) return ov_json_splitter_finish(s, err);
        if (status == OV_OK) status = ov_json_splitter_feed(s, (ov_str){piece, len}, err);
        if (status != OV_OK) return status;
    }
}

static bool next(const ov_fetch_result *page, char *out, size_t size)
{
    return ov_fetch_link_next(ov_str_of(page->link), ov_str_of(page->final_url), out, size);
}

const provider provider_github = {
    .name = "github",
    .accept = "application/vnd.github+json",
    .api = true,
    .first_url = first_url,
    .parse = parse,
    .next = next,
};
