#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The sinks of docs/writing-a-sink.md, as a stranger builds them: their text and their g++ command from the page, the installed headers
alone. One lists, runs, takes its option and writes the sums that the rows of csv give; one writes what a plugin has counted. Beside them
stands a file that is no module, which is named and stops nobody.
"""
import argparse
import collections
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--build", required=True)
    parser.add_argument("--cmake", required=True)
    arguments = parser.parse_args()
    page = (arguments.source / "docs/writing-a-sink.md").read_text()
    texts = [block for block in re.findall(r"^```cpp\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) if "FLOWXDP_SINK(" in block]
    command = shlex.split(re.search(r"^sudo (g\+\+ .* talkers\.cpp)$", page, re.MULTILINE).group(1))
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prefix, library = work / "usr", work / "lib"
        subprocess.run([arguments.cmake, "--install", arguments.build, "--component", "dev", "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        # The build tree's modules and the new one in one library folder.
        built = pathlib.Path(arguments.build) / "lib/flowxdp"
        (library / "sinks").mkdir(parents=True)
        for entry in built.iterdir():
            if entry.name != "sinks":
                (library / entry.name).symlink_to(entry)
        for sink in (built / "sinks").iterdir():
            (library / "sinks" / sink.name).symlink_to(sink)
        assert len(texts) == 2, len(texts)
        for name, text in zip(("talkers", "total"), texts):
            (work / f"{name}.cpp").write_text(text)
            command[command.index("-o") + 1] = str(library / f"sinks/{name}.so")
            command[-1] = f"{name}.cpp"
            subprocess.run([*command, f"-I{prefix}/include", "-Wall", "-Wextra", "-Werror"], cwd=work, check=True)
        (library / "sinks/broken.so").write_text("no module")

        def flowxdp(*words, code=0):
            done = subprocess.run([arguments.flowxdp, *words], cwd=work, capture_output=True, text=True, check=False,
                                  stdin=subprocess.DEVNULL, env={**os.environ, "FLOWXDP_LIB": str(library)})
            assert done.returncode == code, (words, done.returncode, done.stderr)
            return done.stdout + done.stderr

        listed = flowxdp("sinks")
        assert "talkers:PATH" in listed and "option at_least=1:" in listed and "broken.so" in listed and "csv:" in listed, listed
        capture = arguments.source / "examples/http.pcap"
        flowxdp("replay", "-q", capture, "--sink", "talkers:all.txt", "--sink", "csv:rows.csv")
        # The same sums from the rows of another sink.
        rows = [line.split(",") for line in (work / "rows.csv").read_text().splitlines()]
        source, packets = rows[0].index("srcIP"), rows[0].index("pktsSnt")
        sums = collections.Counter()
        for row in rows[1:]:
            sums[row[source]] += int(row[packets])
        found = dict(line.split("\t") for line in (work / "all.txt").read_text().splitlines())
        assert found == {address: str(n) for address, n in sums.items() if address.count(".") == 3} and found, (found, sums)
        most = max(sums.values())
        flowxdp("replay", "-q", capture, "--sink", f"talkers:some.txt,at_least={most}")
        some = (work / "some.txt").read_text().split()
        assert some and all(int(n) >= most for n in some[1::2]), some
        for words, says in ((["talkers:x,at_least=0"], "sink 'talkers': option 'at_least': '0' is too small: give a number from 1"),
                            (["talkers:x,atleast=2"], "there is no option 'atleast'; did you mean 'at_least'?"),
                            (["talkers"], "sink 'talkers': no file: write talkers:PATH"),
                            (["talker:x"], "there is no sink 'talker'; did you mean 'talkers'?"),
                            (["broken:x"], "broken.so': it is no shared library")):
            said = flowxdp("replay", "-q", capture, "--sink", *words, code=2)
            assert says in said, said
        # tshark sees 10 packets with a closed window in this capture (docs/plugin-tutorial.md).
        stalled = arguments.source / "examples/stalled-reader.pcap"
        flowxdp("replay", "-q", stalled, "--sink", "total:closed.txt,plugin=tcp_win,figure=below_packets")
        assert (work / "closed.txt").read_text() == "10\n"
        for words in (("--no-plugin", "tcp_win"), ("--plugin", "tcp_win")):
            figure = "below_packets" if "--no-plugin" in words else "packets_below"
            said = flowxdp("replay", "-q", stalled, *words, "--sink", f"total:x,plugin=tcp_win,figure={figure}", code=1)
            assert f"sink 'total:x': no plugin 'tcp_win' with a figure '{figure}' runs" in said, said
        said = flowxdp("replay", "-q", capture, "--sink", "talkers:x", "--no-plugin", "basic_stats", code=2)
        assert "sink 'talkers' needs column 'pktsSnt' of plugin 'basic_stats'" in said, said
    print("a sink from the installed headers lists, runs and refuses as the page says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
