#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""paired.py BEFORE AFTER [--times N] [OPTION of xdp_bench...]: two builds of the sensor in turns, e.g. before and after a change.

BEFORE and AFTER are build folders. Each turn is a process that loads everything anew: with many flows a program's time depends
on where its tables came to lie. Prints nanoseconds a packet above the empty program, least and median of the turns.
"""

import argparse
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import measure  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", nargs=2, type=pathlib.Path, metavar="BUILD")
    parser.add_argument("--times", type=int, default=5, help="turns of each build [5]")
    options, more = parser.parse_known_args()
    found = {}
    for turn in range(options.times):
        # Another one first each time.
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            for row in measure.rows(options.builds[side] / "bin/xdp_bench", "--rounds", 3, *more):
                found.setdefault((row["order"], row["flows"], row["variant"]), ([], []))[side].append(row["above_min"])
    print(f"{'order':<10}{'flows':>8}  {'variant':<24}{'before':>8}{'median':>8}{'after':>8}{'median':>8}{'ratio':>8}")
    for (order, flows, variant), (before, after) in found.items():
        print(f"{order:<10}{flows:>8}  {variant:<24}{min(before):>8.0f}{statistics.median(before):>8.0f}{min(after):>8.0f}"
              f"{statistics.median(after):>8.0f}{min(after) / min(before):>8.2f}")


if __name__ == "__main__":
    try:
        main()
    except (measure.Failed, measure.Unable) as reason:
        sys.exit(f"paired.py: {reason}")
