/* Upstream: one source as the aggregator knows it: its lists, how the last look went, which rules read it. */
#ifndef OPVIC_AGGREGATOR_UPSTREAM_H
#define OPVIC_AGGREGATOR_UPSTREAM_H

#include "base/map.h"
#include "proto/list.h"
#include "proto/lookup.h"
#include "proto/source.h"
#include "services/aggregator/ledger.h"
#include "services/aggregator/wheel.h"

/* One list: the body as it arrived, decoded in place. */
struct upstream_list {
    upstream *source;
    char *token; /* how it stands in the source's map */
    char *name;  /* NULL until a rule or a body names it */
    char *body;
    list versions; /* views into body */
    bool present;
    char digest[REPORT_DIGEST_HEX]; /* of the body as it arrived */
    uint64_t seq;
    uint32_t mark;        /* the snapshot in which it was last given */
    rule *rules;          /* linked by next_in_list */
    lifecycle *lifecycle; /* reads its cycles; NULL: nobody asks for their ends */
};

struct upstream {
    doc d;
    char *key, *provider, *strategy, *repo;
    char *token;       /* the key as a subject's token: how it stands in the map */
    ov_map lists;      /* token -> upstream_list */
    size_t rule_count; /* rules and lifecycles that read it */
    size_t due_rules;  /* of them wait for being worked on */

    bool looked; /* the rest of this block means something */
    lookup last; /* the last look, views into last_body */
    char *last_body;
    uint64_t look_seq;   /* of the last look in the list stream */
    int64_t looked_ms;   /* when it came, on the server's time line */
    int64_t complete_ms; /* when the lists were last known complete, on that line; meaningful with last.complete_at_s */
    uint32_t mark;

    bool stale;             /* too long without a complete look */
    int64_t quiet_until_ms; /* its lists were lost: its entries' states tell no events before */

    bool job_out;       /* a job is under way */
    uint64_t job_after; /* the look it was planned from */
    int64_t job_ms;
    bool refresh;     /* somebody asked for a look */
    bool fresh_tried; /* a job without validators was planned for the lists that are missing */
    bool plan_queued;
    upstream *plan_next;
    wheel_node plan_node;    /* until it is due */
    int64_t gather_until_ms; /* more charts may be wanted of it in a moment */

    char *stored_rules; /* raw JSON array of the stored document, NULL: none */
    bool stored_failing;
};

/* Makes one with copies of the texts; its token is the map's key. */
upstream *upstream_new(ov_str token);
void upstream_free(upstream *u);
/* Fills in the names that a rule or a look brings; the key once known stays. */
void upstream_name(upstream *u, ov_str key, ov_str provider, ov_str strategy, ov_str repo);
/* The list of that name, made when missing. */
upstream_list *upstream_list_named(upstream *u, ov_str name);
/* The same by the token of its subject. */
upstream_list *upstream_list_at(upstream *u, ov_str token);

/* Whether somebody wants it. */
bool upstream_list_is_read(const upstream_list *l);

/* Takes in a list, a truncated one like any other: whoever stored it made it go on from the one before. *ret_changed:
 * the versions differ. OV_INVALID: as list_decode, or the body is that of another subject. */
OV_MUST_CHECK ov_status upstream_list_take(upstream_list *l, ov_str body, bool *ret_changed, ov_err *err);
/* The list does not exist upstream: forgets its versions; true when it had some. */
bool upstream_list_drop(upstream_list *l);
/* What the last complete look said of a list; NULL: it did not ask for it, or there was none. */
const lookup_list *upstream_last_list(const upstream *u, ov_str name);
/* Takes in a look (copied). came_ms is when it came on the server's time line. OV_INVALID as above. */
OV_MUST_CHECK ov_status upstream_look_take(upstream *u, ov_str body, uint64_t seq, int64_t came_ms, ov_err *err);

/* How a rule over this list stands before its candidates are looked at. reason is appended to out. */
typedef enum {
    STANDING_READY,   /* the list is there and fresh */
    STANDING_STALE,   /* too old, or looks fail and there never was one */
    STANDING_PENDING, /* not looked at yet */
    STANDING_ABSENT,  /* upstream has no such list */
    STANDING_OVERWORK /* of a rule alone: its pattern was given up */
} standing;
standing upstream_list_standing(const upstream_list *l, ov_buf *reason);

/* Whether it is stale now; interval_ms between looks. */
bool upstream_is_stale(const upstream *u, int64_t clock_ms, int64_t interval_ms);
bool upstream_is_failing(const upstream *u);

#endif
