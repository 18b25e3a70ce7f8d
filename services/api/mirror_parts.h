/* What a mirror is made of: agents, their entries, and the verdicts that entries refer to; inside the mirror alone. */
#ifndef OPVIC_API_MIRROR_PARTS_H
#define OPVIC_API_MIRROR_PARTS_H

#include "base/map.h"
#include "services/api/mirror.h"

typedef struct mirror_agent mirror_agent;
typedef struct mirror_entry mirror_entry;
typedef struct mirror_verdict mirror_verdict;

/* An entry's reference to a verdict and its place among that verdict's users. */
typedef struct {
    mirror_verdict *verdict; /* NULL: this version has none */
    size_t place;
} mirror_link;

struct mirror_entry {
    mirror_agent *agent;
    char *id;
    shared_text *document;
    card *card;         /* the last consistent rendering, NULL: none yet */
    mirror_link *links; /* one a version */
    size_t link_count;
    uint64_t mark;
    ov_mono waiting_since;
    bool queued;  /* to be rendered by the next publish */
    bool waiting; /* its verdicts do not match: it stands in the waiting list */
};

typedef struct {
    mirror_entry *entry;
    size_t link;
} mirror_user;

/* Lives while its document or a user does. */
struct mirror_verdict {
    char *id;
    tail *tail; /* NULL: its document is not there */
    uint64_t hash;
    uint64_t mark;
    mirror_user *users;
    size_t count, cap;
};

struct mirror_agent {
    char *id;
    char *tags, *wanted; /* raw JSON, NULL: empty */
    agent_value state;
    bool known; /* its document is there */
    bool inventory_wanted;
    int64_t report_period_ms, first_seen_s, heartbeat_s;
    uint64_t mark, live_mark, hash;
    mirror_entry **entries; /* by id */
    size_t count, cap;
    block_cards *cards;
    block *block; /* NULL: no answer shows it */
    bool cards_changed, queued;
};

typedef struct {
    char *key;  /* its subject's token */
    char *line; /* NULL or empty: it has no series */
    uint64_t mark;
} mirror_source;

struct mirror {
    ov_map agents, verdicts;
    mirror_agent **order; /* by id */
    size_t order_count, order_cap;
    mirror_entry **queue; /* entries to be rendered */
    size_t queue_count, queue_cap;
    mirror_entry **waiting;
    size_t waiting_count, waiting_cap;
    ov_mono waiting_looked;
    mirror_agent **changed;
    size_t changed_count, changed_cap;
    mirror_source **sources; /* by key */
    size_t source_count, source_cap;
    bool sources_changed;
    shared_text *source_lines; /* of all, as the last view has them */
    uint64_t generation;
    size_t entry_count;
    int64_t github_remaining;
    bool dirty; /* something that a view shows changed besides blocks */
};

/* Finds or makes. */
mirror_agent *mirror_agent_get(mirror *m, ov_str id);
void mirror_agent_touch(mirror *m, mirror_agent *a); /* its block is made again by the next publish */
void mirror_agent_drop(mirror *m, mirror_agent *a);  /* with its entries */

mirror_entry *mirror_entry_find(const mirror_agent *a, ov_str id);
mirror_entry *mirror_entry_get(mirror *m, mirror_agent *a, ov_str id);
void mirror_entry_queue(mirror *m, mirror_entry *e);
/* Replaces its document: links are made anew for the verdict ids in it. */
void mirror_entry_set(mirror *m, mirror_entry *e, const entry_doc *d, shared_text *document);
void mirror_entry_drop(mirror *m, mirror_entry *e);
/* Renders it when its verdicts match, or when it waited long enough. */
void mirror_entry_render(mirror *m, mirror_entry *e, ov_mono now);

mirror_verdict *mirror_verdict_get(mirror *m, ov_str id);
/* Takes over the tail (NULL: removed); its users are queued. */
void mirror_verdict_set(mirror *m, mirror_verdict *v, tail *t, uint64_t hash);
void mirror_verdict_release(mirror *m, mirror_verdict *v); /* frees it when nothing needs it */

/* mirror_sources.c; key is the token of the document's subject. */
void mirror_source_set(mirror *m, ov_str key, const source_doc *d);
void mirror_source_remove(mirror *m, ov_str key);
void mirror_source_keep(mirror *m, ov_str key); /* through this snapshot */
void mirror_sources_sweep(mirror *m);           /* takes out what this snapshot did not give */
bool mirror_sources_render(mirror *m);          /* source_lines anew; false when they are the same */
void mirror_sources_clear(mirror *m);

#endif
