/* Keeps the tightest of what was told. */
#include "services/fetcher/budget.h"

#include "base/poison.h"

void budget_init(budget *b)
{
    *b = (budget){0};
    pthread_mutex_init(&b->lock, NULL);
}

void budget_clear(budget *b)
{
    pthread_mutex_destroy(&b->lock);
}

void budget_note(budget *b, int64_t remaining, int64_t reset_s)
{
    pthread_mutex_lock(&b->lock);
    bool later = !b->known || reset_s > b->reset_s;
    if (later || (reset_s == b->reset_s && remaining < b->remaining)) {
        b->known = true;
        b->remaining = remaining;
        b->reset_s = reset_s;
    }
    pthread_mutex_unlock(&b->lock);
}

bool budget_is_spent(budget *b, int64_t now_s, int64_t *ret_reset_s)
{
    pthread_mutex_lock(&b->lock);
    bool spent = b->known && b->remaining <= 0 && b->reset_s > now_s;
    if (spent) *ret_reset_s = b->reset_s;
    pthread_mutex_unlock(&b->lock);
    return spent;
}
