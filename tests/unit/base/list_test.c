/* Lists of slots against a flat array. */
#include "model.h"

#include "base/list.h"

enum { SLOTS = 50 };

struct thing {
    uint64_t other;
    struct list_link link;
};

static void same_order_as_an_array(void **state)
{
    struct dice dice = dice_from("same_order_as_an_array", 2);
    struct thing things[SLOTS];
    struct pool pool = {.slots = (uint8_t *)things, .stride = sizeof things[0], .capacity = SLOTS};
    struct list_links links = list_links_in(&pool, offsetof(struct thing, link));
    struct list list;
    uint32_t model[SLOTS], count = 0;

    (void)state;
    list_init(&list);
    for (uint32_t i = 0; i < SLOTS; i++)
        list_link_init(&things[i].link);

    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t slot = dice_below(&dice, SLOTS), at = 0;

        while (at < count && model[at] != slot)
            at++;
        assert_int_equal(list_is_linked(&things[slot].link), at < count);
        if (at == count) {
            list_append(&list, links, slot);
            model[count++] = slot;
        } else {
            if (dice_below(&dice, 3) == 0) {
                assert_int_equal(list_take(&list, links), model[0]);
                at = 0;
            } else {
                list_remove(&list, links, slot);
            }
            memmove(model + at, model + at + 1, (--count - at) * sizeof model[0]);
        }

        uint32_t walk = list.first, before = SLOT_NONE;
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(walk, model[i]);
            assert_int_equal(list_link_at(links, walk)->prev, before);
            before = walk;
            walk = list_link_at(links, walk)->next;
        }
        assert_int_equal(walk, SLOT_NONE);
        assert_int_equal(list.last, before);
        assert_int_equal(list.count, count);
    }
}

static void empty_has_nothing_to_take(void **state)
{
    struct list list;

    (void)state;
    list_init(&list);
    assert_int_equal(list_take(&list, (struct list_links){NULL, 0}), SLOT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_order_as_an_array),
        cmocka_unit_test(empty_has_nothing_to_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
