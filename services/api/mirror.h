/* Mirror: the api's memory of the state bucket; one writer feeds it documents and takes views out. No I/O, no clock. */
#ifndef OPVIC_API_MIRROR_H
#define OPVIC_API_MIRROR_H

#include "base/clock.h"
#include "services/api/view.h"

/* How long an entry keeps its last consistent rendering while its verdicts say something else than it does: the rest of
 * the writer's change is on its way. */
enum { MIRROR_WAIT_MS = 5000 };

typedef struct mirror mirror;
mirror *mirror_new(void);
void mirror_free(mirror *m);

/* A new snapshot begins: what is not given again by its end is gone. */
void mirror_snapshot_begin(mirror *m);
void mirror_snapshot_end(mirror *m);
/* Whether the end would take no agent and no entry away. */
bool mirror_snapshot_is_whole(const mirror *m);

/* One whole document (parts are joined before) under its state key with STATE_PREFIX; an empty body is its removal.
 * OV_INVALID: it changes nothing; the one before stands. */
OV_MUST_CHECK ov_status mirror_apply(mirror *m, ov_str subject, ov_str body, ov_err *err);
/* A document that cannot be read stands under this key: what it was before stays through the snapshot. */
void mirror_keep(mirror *m, ov_str subject);

/* Everything applied since the last call as one view, the caller's; NULL when no answer changed. */
view *mirror_publish(mirror *m, ov_mono now);

typedef struct {
    size_t agents, entries, verdicts, waiting; /* waiting: entries whose verdicts do not match yet */
} mirror_counts;
mirror_counts mirror_count(const mirror *m);

#endif
