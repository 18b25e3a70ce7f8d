/* The queue of effects; dead letters wait in theirs, bounded, until somebody leads. */
#include <stdlib.h>

#include "base/mem.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

enum { DEAD_MAX = 256, DEAD_BYTES_MAX = 16 * 1024 * 1024 };

effect *effects_add(aggregate *a, effect_kind kind)
{
    if (a->effect_first && a->effect_first == a->effect_count) a->effect_first = a->effect_count = 0;
    ov_grow(&a->effects, &a->effect_cap, a->effect_count + 1, sizeof *a->effects);
    effect *e = &a->effects[a->effect_count++];
    *e = (effect){.kind = kind};
    return e;
}

bool aggregate_next_effect(aggregate *a, effect *ret)
{
    if (a->effect_first == a->effect_count) return false;
    *ret = a->effects[a->effect_first++];
    return true;
}

void effect_clear(effect *e)
{
    free(e->subject);
    free(e->body);
    free(e->msg_id);
    free(e->reason);
    free(e->origin);
    free(e->source);
    *e = (effect){0};
}

static effect *add_dead(aggregate *a)
{
    ov_grow(&a->dead, &a->dead_cap, a->dead_count + 1, sizeof *a->dead);
    effect *e = &a->dead[a->dead_count++];
    *e = (effect){.kind = EFFECT_DEAD};
    return e;
}

void effects_undecodable(aggregate *a, const input *in, const ov_err *err)
{
    /* Was noted when it came first. A process that starts notes again what still stands in a stream: it cannot be read
     * now either, its letter takes the place of the one before (last per subject), and each log says so once. */
    if (aggregate_is_replay(a, in)) return;
    a->counters.undecodable[in->stream]++;
    if (a->dead_count >= DEAD_MAX || a->dead_bytes + in->data.len > DEAD_BYTES_MAX) return;
    char subject[SUBJECT_MAX];
    subject_dead(input_stream_name(in->stream), in->seq, subject);
    effect *e = add_dead(a);
    e->subject = ov_dup(ov_str_of(subject));
    e->msg_id = ov_dup(ov_str_of(subject));
    e->body = ov_dup(in->data);
    e->len = in->data.len;
    e->reason = ov_dup(ov_str_of(err->msg));
    e->origin = ov_dup(in->subject);
    a->dead_bytes += in->data.len;
    effects_flush_dead(a);
}

void effects_flush_dead(aggregate *a)
{
    if (!a->leading) return;
    for (size_t i = 0; i < a->dead_count; i++) *effects_add(a, EFFECT_DEAD) = a->dead[i];
    a->dead_count = a->dead_bytes = 0;
}
