/* Gives messages back to nats.c in batches: it frees on a thread of its own and would wake that for each one. */
#include "bus/internal.h"

#include "base/poison.h"

enum { BATCH_MESSAGES = 512, BATCH_BYTES = 1024 * 1024 };

/* Of the process, as the thread behind it: a message may outlive its bus. */
static struct {
    pthread_mutex_t mu;
    natsMsg *messages[BATCH_MESSAGES];
    size_t count, bytes;
} waiting = {.mu = PTHREAD_MUTEX_INITIALIZER};

/* Moves all out when it is time; how many. */
static size_t take_batch(natsMsg *out[BATCH_MESSAGES])
{
    if (waiting.count < BATCH_MESSAGES && waiting.bytes < BATCH_BYTES) return 0;
    size_t count = waiting.count;
    memcpy(out, waiting.messages, count * sizeof out[0]);
    waiting.count = waiting.bytes = 0;
    return count;
}

void ov_bus_msg_discard(natsMsg *msg)
{
    if (!msg) return;
    natsMsg *batch[BATCH_MESSAGES];
    size_t bytes = (size_t)natsMsg_GetDataLength(msg);
    pthread_mutex_lock(&waiting.mu);
    waiting.messages[waiting.count++] = msg;
    waiting.bytes += bytes;
    size_t count = take_batch(batch);
    pthread_mutex_unlock(&waiting.mu);
    for (size_t i = 0; i < count; i++) natsMsg_Destroy(batch[i]);
}
