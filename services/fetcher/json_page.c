/* Feeds a page's bytes to the splitter, which holds one element at a time. */
#include "services/fetcher/json_page.h"

#include "base/mem.h"
#include "json/splitter.h"
#include "base/poison.h"

enum {
    ITEM_BYTES_MAX = 8 * 1024 * 1024, /* a release with its notes and assets */
    PIECE_BYTES = 16 * 1024
};

typedef struct {
    provider_page *page;
    version_list *to;
    json_page_item on_item;
} json_page;

static ov_status on_element(void *arg, ov_str element, ov_err *err)
{
    json_page *p = arg;
    p->page->items++;
    return ov_str_eq(element, OV_STR("null")) ? OV_OK : p->on_item(p->page, p->to, element, err);
}

static void splitter_free_p(ov_json_splitter **s)
{
    ov_json_splitter_free(*s);
}

ov_status json_page_list(const provider_page *page, version_list **ret, ov_err *err)
{
    version_list *to = version_lists_find(page->lists, (ov_str){0});
    if (!to) return ov_fail(err, OV_INVALID, "the job names lists that this provider does not have");
    *ret = to;
    return OV_OK;
}

/* An array of something else, errors perhaps, must not count as a list that has become empty. */
static ov_status finish(const json_page *p, ov_json_splitter *s, ov_err *err)
{
    ov_status status = ov_json_splitter_finish(s, err);
    if (status != OV_OK || p->page->items == 0 || p->page->named > 0) return status;
    return ov_fail(err, OV_INVALID, "none of its items has a name");
}

ov_status json_page_read(provider_page *page, const char *member, json_page_item on_item, provider_read read, void *arg,
                         ov_err *err)
{
    json_page p = {.page = page, .on_item = on_item};
    ov_status status = json_page_list(page, &p.to, err);
    if (status != OV_OK) return status;
    p.to->present = true;
    OV_CLEANUP(splitter_free_p) ov_json_splitter *s = ov_json_splitter_new(member, ITEM_BYTES_MAX, on_element, &p);
    OV_CLEANUP(ov_free_p) char *piece = ov_alloc(PIECE_BYTES);
    for (;;) {
        size_t len = 0;
        status = read(arg, piece, PIECE_BYTES, &len, err);
        if (status == OV_OK && len == 0) return finish(&p, s, err);
        if (status == OV_OK) status = ov_json_splitter_feed(s, (ov_str){piece, len}, err);
        if (status != OV_OK) return status;
    }
}
