/* Keys of a simulation's two ends. [RFC 5925 6.1] */
#include "sim/keys.h"

#include "base/time.h"

#define FIRST_IDS 61, 84
#define SECOND_IDS 7, 7

static struct hf_key key_for(const struct keys_plan *plan, unsigned node, bool second)
{
    static const uint8_t ids[2][2] = {{FIRST_IDS}, {SECOND_IDS}};
    static const char *const secrets[2] = {"the first secret", "another secret of another length"};
    const char *secret = secrets[second];
    struct hf_key key = {
        .algorithm = second ? plan->next_algorithm : plan->algorithm,
        .send_id = ids[second][node],
        .receive_id = ids[second][!node],
        .options_excluded = plan->options_excluded,
        .secret = secret,
    };

    while (secret[key.secret_length])
        key.secret_length++;
    return key;
}

static bool add(struct world *world, const struct keys_plan *plan, unsigned node, bool second)
{
    const struct hf_key key = key_for(plan, node, second);
    int error = hf_key_add(world->nodes[node].stack, &key);

    if (error)
        world_fail(world, "node %u: hf_key_add: %s", node, hf_error_text(error));
    return error == HF_OK;
}

bool keys_begin(struct world *world, const struct keys_plan *plan)
{
    if (plan->algorithm == HF_KEY_NONE)
        return true;
    return add(world, plan, 0, false) && add(world, plan, 1, false);
}

static bool is_due(const struct world *world, int64_t at_us, int64_t before_us)
{
    return at_us && world->start_us + at_us > before_us && world->start_us + at_us <= world->now_us;
}

void keys_act(struct world *world, const struct keys_plan *plan, int64_t before_us)
{
    for (unsigned node = 0; node < 2; node++) {
        const struct hf_key first = key_for(plan, node, false);

        if (is_due(world, plan->next_key_us[node], before_us))
            (void)add(world, plan, node, true);
        if (is_due(world, plan->drop_key_us, before_us) &&
            hf_key_remove(world->nodes[node].stack, &first) != HF_OK)
            world_fail(world, "node %u: the first key is not there", node);
    }
}

static int64_t later(const struct world *world, int64_t at_us)
{
    return at_us && world->start_us + at_us > world->now_us ? world->start_us + at_us : NEVER_US;
}

int64_t keys_next_us(const struct world *world, const struct keys_plan *plan)
{
    return time_min(later(world, plan->drop_key_us), time_min(later(world, plan->next_key_us[0]),
                                                              later(world, plan->next_key_us[1])));
}
