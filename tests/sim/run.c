/* Running scenes in tests. */
#include "sim/run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/packet.h"

static void note_segment(struct run *run, struct world *world, const struct world_frame *frame,
                         const struct segment *seg)
{
    struct run_segment *note;

    run->segments = realloc(run->segments, (run->count + 1) * sizeof *run->segments);
    assert_non_null(run->segments);
    note = &run->segments[run->count++];
    *note = (struct run_segment){
        .from = frame->from,
        .at_us = world->now_us - world->start_us,
        .fate = frame->fate,
        .flags = seg->flags,
        .length = seg->length,
        .window = seg->window,
        .seq = seg->seq,
        .options = seg->options,
    };
}

static void on_frame(void *self, struct world *world, const struct world_frame *frame)
{
    struct packet_rules rules = {
        .link = frame->link, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct ethernet header;
    struct packet packet = {0};
    struct hf_frame bytes = {
        .data = (uint8_t *)(uintptr_t)frame->data,
        .length = frame->length,
        .link = (uint8_t)frame->link,
    };
    struct run *run = self;

    if (frame->moment != WORLD_SENT)
        return;
    if (frame->link == HF_ETHERNET && ethernet_parse(&header, frame->data, frame->length)) {
        rules.mac = header.destination;
        rules.vlan = header.vlan;
    }
    packet_parse(&packet, &rules, &bytes);
    if (packet.kind == PACKET_TCP)
        note_segment(run, world, frame, &packet.segment);
    run->fragments += packet.kind == PACKET_FRAGMENT;
    run->icmp += packet.kind == PACKET_ICMPV4 || packet.kind == PACKET_ICMPV6;
    if (packet.kind == PACKET_REFUSED)
        fail_msg("a stack sent a frame that nobody can read: %s", hf_stat_name(packet.reason));
}

void run_scenario(struct run *run)
{
    struct simulation simulation;

    run->segments = NULL;
    run->count = run->fragments = run->icmp = 0;
    if (simulation_open(&simulation, &run->scenario)) {
        world_hook(&simulation.world, on_frame, run);
        while (simulation_step(&simulation))
            continue;
    }
    simulation_judge(&simulation, &run->result);
    simulation_close(&simulation);
    if (!run->result.ok)
        fail_msg("handfast sim --scene %s --seed 0x%" PRIx64 ": step %" PRIu64 ": %s",
                 run->scenario.scene, run->scenario.seed, run->result.steps, run->result.message);
}

void run_scene(struct run *run, const char *scene, uint64_t seed)
{
    const struct scene *found = scene_find(scene);

    assert_non_null(found);
    scene_make(found, seed, &run->scenario);
    run_scenario(run);
}

void run_free(struct run *run)
{
    free(run->segments);
    run->segments = NULL;
}

uint32_t run_count(const struct run *run, uint8_t flags, bool exactly)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < run->count; i++) {
        uint8_t has = run->segments[i].flags;

        count += exactly ? (has & ~TCP_PSH) == flags : (has & flags) == flags;
    }
    return count;
}

uint64_t run_seeds(uint64_t otherwise)
{
    const char *text = getenv("HF_SIM_SEEDS");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : 0;

    return seeds ? seeds : otherwise;
}

void run_chaos(const char *scene, uint64_t first, uint64_t step, uint64_t limit)
{
    struct scenario *scenario = malloc(sizeof *scenario);
    uint64_t frames = 0, bytes = 0, seeds = 0, lost = 0, unborn = 0;
    const struct scene *chaos = scene_find(scene);
    struct sim_result result;

    assert_non_null(scenario);
    for (uint64_t seed = first; seed < limit; seed += step, seeds++) {
        scene_make(chaos, seed, scenario);
        if (!simulation_run(scenario, &result))
            fail_msg("handfast sim --scene %s --seed 0x%" PRIx64 ": step %" PRIu64 ": %s", scene,
                     seed, result.steps, result.message);
        frames += result.frames;
        bytes += result.bytes;
        unborn += result.unborn;
        lost += result.faults[0].lost + result.faults[1].lost;
    }
    free(scenario);
    print_message("%" PRIu64 " seeds from 0x%" PRIx64 " on: %" PRIu64 " frames, %" PRIu64
                  " lost, %" PRIu64 " bytes delivered, %" PRIu64 " conversations unborn\n",
                  seeds, first, frames, lost, bytes, unborn);
    /* The dice are worth something only if the network was really bad. */
    assert_true(unborn <= seeds / 20);
    assert_true(seeds < 100 || (lost > frames / 100 && bytes > 10000 * seeds));
}
