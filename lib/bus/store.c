/* Stored publishes: each takes a slot and names it in its reply subject; answer, deadline or the link's end frees it.
 */
#include <stdlib.h>

#include "bus/internal.h"

#include "base/poison.h"

/* ---- slots; all with the lock ---- */

typedef struct {
    uint32_t index, generation;
} ticket;

static ticket slot_take(ov_bus *bus, const ov_bus_slot *content)
{
    uint16_t i = bus->free_slots[--bus->free_count];
    atomic_store(&bus->in_flight, OV_BUS_IN_FLIGHT - bus->free_count);
    ov_bus_slot *slot = &bus->slots[i];
    uint32_t generation = slot->generation + 1;
    *slot = *content;
    slot->generation = generation;
    if (slot->deadline_ms < bus->next_expiry_ms) {
        bus->next_expiry_ms = slot->deadline_ms;
        ov_bus_kick_locked(bus);
    }
    return (ticket){i, generation};
}

/* false when the slot was completed before. */
static bool slot_free(ov_bus *bus, ticket t, ov_bus_slot *ret)
{
    ov_bus_slot *slot = &bus->slots[t.index];
    if (!slot->done || slot->generation != t.generation) return false;
    *ret = *slot;
    slot->done = NULL;
    bus->free_slots[bus->free_count++] = (uint16_t)t.index;
    atomic_store(&bus->in_flight, OV_BUS_IN_FLIGHT - bus->free_count);
    if (bus->free_count == 1 || bus->free_count == OV_BUS_IN_FLIGHT) pthread_cond_broadcast(&bus->moved);
    return true;
}

/* ---- completing ---- */

static ov_bus_stored result_of(ov_status s, const char *text)
{
    ov_bus_stored r = {.status = s};
    snprintf(r.text, sizeof r.text, "%.159s", text);
    return r;
}

static void complete(ov_bus *bus, ticket t, const ov_bus_stored *result)
{
    ov_bus_slot slot;
    pthread_mutex_lock(&bus->mu);
    bool ours = slot_free(bus, t, &slot);
    pthread_mutex_unlock(&bus->mu);
    if (ours) slot.done(slot.arg, result);
}

/* Completes the slots that pick chooses, in the order of their numbers. */
static void complete_where(ov_bus *bus, bool (*pick)(const ov_bus_slot *s, uint64_t key), uint64_t key,
                           const ov_bus_stored *result)
{
    for (uint32_t i = 0; i < OV_BUS_IN_FLIGHT; i++) {
        pthread_mutex_lock(&bus->mu);
        const ov_bus_slot *slot = &bus->slots[i];
        ticket t = {i, slot->generation};
        bool picked = slot->done && pick(slot, key);
        pthread_mutex_unlock(&bus->mu);
        if (picked) complete(bus, t, result);
    }
}

static bool pick_any(const ov_bus_slot *s, uint64_t key)
{
    (void)s, (void)key;
    return true;
}

static bool pick_subject(const ov_bus_slot *s, uint64_t key)
{
    return s->subject_hash == key;
}

static bool pick_late(const ov_bus_slot *s, uint64_t key)
{
    return s->deadline_ms <= (int64_t)key;
}

void ov_bus_store_fail_all(ov_bus *bus, const char *why)
{
    ov_bus_stored result = result_of(OV_RETRY, why);
    complete_where(bus, pick_any, 0, &result);
}

static ov_bus_stored unanswered(ov_bus *bus)
{
    char what[OV_BUS_DENIAL_TEXT], text[OV_BUS_DENIAL_TEXT + 32];
    if (!ov_bus_are_answers_denied(bus, what)) return result_of(OV_RETRY, "no answer in time");
    snprintf(text, sizeof text, "permission denied: %s", what);
    return result_of(OV_FAILED, text);
}

int64_t ov_bus_store_expire(ov_bus *bus, int64_t now_ms)
{
    pthread_mutex_lock(&bus->mu);
    int64_t next = bus->next_expiry_ms;
    pthread_mutex_unlock(&bus->mu);
    if (next > now_ms) return next;
    ov_bus_stored result = unanswered(bus);
    complete_where(bus, pick_late, (uint64_t)now_ms, &result);
    pthread_mutex_lock(&bus->mu);
    next = INT64_MAX;
    for (size_t i = 0; i < OV_BUS_IN_FLIGHT; i++)
        if (bus->slots[i].done && bus->slots[i].deadline_ms < next) next = bus->slots[i].deadline_ms;
    bus->next_expiry_ms = next;
    pthread_mutex_unlock(&bus->mu);
    return next;
}

void ov_bus_store_denied(ov_bus *bus, ov_str subject, const char *text)
{
    ov_bus_stored result = result_of(OV_FAILED, text);
    complete_where(bus, subject.len ? pick_subject : pick_any, ov_str_hash(subject), &result);
}

/* ---- answers ---- */

static bool ticket_parse(ov_str subject, size_t prefix, ticket *ret)
{
    ov_str number = ov_str_sub(subject, prefix, subject.len);
    uint64_t n;
    if (!ov_str_to_u64(number, &n)) return false;
    *ret = (ticket){.index = (uint32_t)(n % OV_BUS_IN_FLIGHT), .generation = (uint32_t)(n / OV_BUS_IN_FLIGHT)};
    return true;
}

static void ticket_subject(const ov_bus *bus, ticket t, char out[OV_BUS_INBOX_MAX])
{
    snprintf(out, OV_BUS_INBOX_MAX, "%s.a.%llu", bus->inbox,
             (unsigned long long)t.generation * OV_BUS_IN_FLIGHT + (unsigned long long)t.index);
}

static void read_answer(natsMsg *msg, ov_bus_stored *ret)
{
    if (natsMsg_IsNoResponders(msg))
        *ret = result_of(OV_RETRY, "no stream takes this subject");
    else
        ov_bus_puback_parse((ov_str){.ptr = natsMsg_GetData(msg), .len = (size_t)natsMsg_GetDataLength(msg)}, ret);
}

void ov_bus_on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)nc, (void)sub;
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *owned = msg;
    ov_bus *bus = closure;
    ticket t;
    if (!ticket_parse(ov_str_of(natsMsg_GetSubject(owned)), strlen(bus->inbox) + 3, &t)) return;
    ov_bus_stored result;
    read_answer(owned, &result);
    complete(bus, t, &result);
}

/* ---- storing ---- */

/* Waits for room; takes slot and link together, so that a link's end finds every slot of its own. */
static ov_bus_link *admit(ov_bus *bus, const ov_bus_slot *content, ticket *ret)
{
    pthread_mutex_lock(&bus->mu);
    while (bus->up && !bus->closing && bus->free_count == 0) pthread_cond_wait(&bus->moved, &bus->mu);
    ov_bus_link *link = bus->up && !bus->closing ? bus->link : NULL;
    if (link) {
        link->users++;
        *ret = slot_take(bus, content);
    }
    pthread_mutex_unlock(&bus->mu);
    return link;
}

static ov_status send_stored(ov_bus_link *link, ticket t, const ov_bus_out *m, ov_err *err)
{
    char reply[OV_BUS_INBOX_MAX];
    ticket_subject(link->bus, t, reply);
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    ov_status s = ov_bus_out_convert(m, reply, &msg, err);
    if (s) return s;
    ov_bus_denials_try(link->bus, OV_BUS_PUBLISH, m->subject);
    return ov_bus_link_failed(link, natsConnection_PublishMsg(link->nc, msg), m->subject, err);
}

static ov_status check_size(ov_bus *bus, const ov_bus_out *m, ov_err *err)
{
    int64_t max = ov_bus_max_payload(bus);
    if ((int64_t)m->data.len <= max) return OV_OK;
    return ov_fail(err, OV_INVALID, "message for %.100s: %zu bytes: the server takes at most %lld",
                   m->subject ? m->subject : "", m->data.len, (long long)max);
}

ov_status ov_bus_store(ov_bus *bus, const ov_bus_out *m, int64_t timeout_ms, ov_bus_on_stored done, void *arg,
                       ov_err *err)
{
    ov_status s = check_size(bus, m, err);
    if (s) return s;
    char what[OV_BUS_DENIAL_TEXT];
    bool unheard = ov_bus_are_answers_denied(bus, what); /* then nothing is sent, and the callback says why */
    ov_bus_slot content = {.done = done,
                           .arg = arg,
                           .deadline_ms = ov_mono_now().ms + (unheard ? 0 : timeout_ms),
                           .subject_hash = ov_str_hash(ov_str_of(m->subject))};
    ticket t;
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = admit(bus, &content, &t);
    if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
    if (unheard) return OV_OK;
    s = send_stored(link, t, m, err);
    if (!s) return OV_OK;
    pthread_mutex_lock(&bus->mu);
    bool withdrawn = slot_free(bus, t, &content);
    pthread_mutex_unlock(&bus->mu);
    return withdrawn ? s : OV_OK; /* completed meanwhile, by the link's end: the callback has told */
}

static ov_status wait_answer(ov_bus_link *link, natsMsg *msg, int64_t timeout_ms, ov_bus_stored *ret, ov_err *err)
{
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *answer = NULL;
    ov_err why = {0};
    natsStatus n = ov_bus_exchange(link, msg, timeout_ms, &answer, &why);
    if (n == NATS_OK)
        read_answer(answer, ret);
    else if (n == NATS_NO_RESPONDERS)
        *ret = result_of(OV_RETRY, "no stream takes this subject");
    else if (n == NATS_NOT_PERMITTED)
        *ret = result_of(OV_FAILED, why.msg);
    else if (n == NATS_TIMEOUT)
        *ret = result_of(OV_RETRY, "no answer in time");
    else
        return ov_bus_link_failed(link, n, natsMsg_GetSubject(msg), err);
    return OV_OK;
}

/* By a request of its own, whose answer comes apart from the delivery thread: a lease is renewed even while a reader's
 * callback waits for room. */
ov_status ov_bus_store_wait(ov_bus *bus, const ov_bus_out *m, int64_t timeout_ms, ov_bus_stored *ret, ov_err *err)
{
    ov_status s = check_size(bus, m, err);
    if (s) return s;
    char inbox[OV_BUS_INBOX_MAX];
    ov_bus_request_inbox(bus, inbox);
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    s = ov_bus_out_convert(m, inbox, &msg, err);
    if (s) return s;
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(bus);
    if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
    return wait_answer(link, msg, timeout_ms, ret, err);
}
