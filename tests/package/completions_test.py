#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What bash, zsh and fish offer behind a half-written line, with the installed completions.

Expected are the options of --help, the interfaces of ip, plugins and sinks as the program lists them, files that were made here.
"""

import json
import os
import pathlib
import re
import shlex
import unittest

from installation import Installation, need, run


def options_of(help_text):
    """Long names of a --help, and letters that have none."""
    both = re.findall(r"(?m)^  (-\w)?(?:, )?(--[a-z-]+)?(?= |$)", help_text)
    return sorted({name or letter for letter, name in both if name or letter} | {"--help"})


class Shell:
    """offered(line): whole words that may stand in place of the last one of the line."""

    def __init__(self, there):
        self.there = there
        self.environment = {"PATH": f"{there.prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": there.folder.name, "LC_ALL": "C.UTF-8",
                            "XDG_CONFIG_HOME": there.folder.name, "XDG_DATA_HOME": there.folder.name}

    def run(self, *words):
        return [line for line in run(*words, env=self.environment, cwd=self.there.folder.name).splitlines() if line]


class Bash(Shell):
    name = "bash"
    BREAKS = ":="
    SCRIPT = """
        compopt() { :; }
        source "$1"
        COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$(($# - 3))
        COMP_WORDS=("${@:3}")
        _flowxdp
        printf '%s\\n' "${COMPREPLY[@]}"
    """

    def offered(self, line):
        # bash hands each : and = over as a word of its own, and takes what stands behind the last one of them.
        words = [part for word in line.split(" ") for part in re.findall("[:=]+|[^:=]+", word) or [""]]
        last = line.rsplit(" ", 1)[1]
        cut = last[:max(last.rfind(":"), last.rfind("=")) + 1]
        script = self.there.prefix / "share/bash-completion/completions/flowxdp"
        return sorted(cut + word for word in self.run("bash", "--norc", "-c", self.SCRIPT, "bash", script, line, *words))


class Zsh(Shell):
    name = "zsh"
    # What zsh's completion system gives the function, and takes from it: "word:help", with \: for a colon in the word.
    SCRIPT = r"""
        _describe() { print -rl -- "${(@P)4}" }
        compset() { before=${(Q)2} }
        _files() {
            local -a paths
            if [[ $1 == -/ ]]; then
                paths=(${~${PREFIX#$before}}*(N/))
            else
                paths=(${~${PREFIX#$before}}*(N))
            fi
            local path
            for path in $paths; do print -r -- "${${before}//:/\\:}$path"; done
        }
        file=$1 words=("${(@)argv[2,-1]}") CURRENT=$(($# - 1)) PREFIX=${argv[-1]} before=
        argv=()
        source $file
        true
    """

    def offered(self, line):
        script = self.there.prefix / "share/zsh/vendor-completions/_flowxdp"
        lines = self.run("zsh", "-f", "-c", self.SCRIPT, "zsh", script, *line.split(" "))
        return sorted(re.match(r"((?:[^\\:]|\\.)*)", line).group(1).replace("\\:", ":") for line in lines)


class Fish(Shell):
    name = "fish"

    def offered(self, line):
        script = self.there.prefix / "share/fish/vendor_completions.d/flowxdp.fish"
        lines = self.run("fish", "--no-config", "-c", f"source {script}; complete -C {shlex.quote(line)}")
        return sorted(line.split("\t")[0] for line in lines)


class Completions:
    shell = None

    @classmethod
    def setUpClass(cls):
        cls.there = Installation()
        cls.addClassCleanup(cls.there.folder.cleanup)
        for name in ("a.pcap", "b.pcap", "c.txt"):
            pathlib.Path(cls.there.folder.name, name).touch()
        os.mkdir(cls.there.folder.name + "/d")

    def setUp(self):
        need(self, self.shell.name)
        self.asked = self.shell(self.there)

    def say(self, *words):
        return run(self.there.flowxdp, *words)

    def check(self, line, wanted):
        self.assertEqual(self.asked.offered(line), sorted(wanted), line)

    def test_commands(self):
        first = {command.split()[0] for command in self.there.commands()}
        self.check("flowxdp ", [*first, "help", "version"])
        self.check("flowxdp help ", first)
        self.check("flowxdp pl", ["plugin", "plugins"])
        for family in ("plugin", "geo", "config"):
            self.check(f"flowxdp {family} ", [c.split()[1] for c in self.there.commands() if c.startswith(family + " ")])

    def test_options_are_those_of_the_help(self):
        for command in self.there.commands():
            if command != "config dump":  # it takes those of attach, which its help leaves out
                self.check(f"flowxdp {command} -", options_of(self.say("help", *command.split())))
        self.check("flowxdp config dump --sn", ["--snapshot-length"])

    def test_what_was_given_is_offered_again_only_where_it_may_repeat(self):
        self.check("flowxdp attach eth0 --mode native --mod", [])
        self.check("flowxdp attach eth0 --sink json --sin", ["--sink"])

    def test_words_of_an_option(self):
        for option in ("--mode", "--direction", "--alarm"):
            words = re.search(rf"(?m)^  {option} (\S+)( |$)", self.say("help", "attach")).group(1).split("|")
            self.assertGreater(len(words), 2)
            self.check(f"flowxdp attach {option} ", words)
            self.check(f"flowxdp attach {option}={words[1][:2]}", [f"{option}={words[1]}"])
        self.check("flowxdp config dump --command ", ["attach", "replay"])

    def test_interfaces_are_those_of_ip(self):
        need(self, "ip")
        names = [link["ifname"] for link in json.loads(run("ip", "-json", "link"))]
        for command in ("attach", "detach", "status", "top", "doctor"):
            self.check(f"flowxdp {command} ", names)
        self.check("flowxdp attach -q l", [name for name in names if name.startswith("l")])

    def test_plugins_and_their_options(self):
        plugins = json.loads(self.say("plugins", "--json"))
        names = [plugin["name"] for plugin in plugins]
        open_ones = [plugin["name"] + ":" for plugin in plugins if plugin["options"]]
        self.check("flowxdp plugins ", names)
        self.check("flowxdp replay --no-plugin ", names)
        self.check("flowxdp replay --plugin ", names + open_ones)
        self.check("flowxdp replay --plugins basic_flow,", ["basic_flow," + name for name in names])
        for plugin in plugins:
            if plugin["options"]:
                first = plugin["options"][0]["name"]
                self.check(f"flowxdp replay --plugin {plugin['name']}:", [f"{plugin['name']}:{option['name']}=" for option in plugin["options"]])
                self.check(f"flowxdp replay --plugin {plugin['name']}:x=1,{first}", [f"{plugin['name']}:x=1,{first}="])

    def test_sinks_their_targets_and_their_options(self):
        sinks = json.loads(self.say("sinks", "--json"))
        self.check("flowxdp sinks ", [sink["name"] for sink in sinks])
        self.check("flowxdp replay --sink ", [sink["name"] + end for sink in sinks for end in ("", ":")])
        for sink in sinks:
            options = [option["name"] for option in sink["options"]] + ["policy", "queue"]
            self.check(f"flowxdp replay --sink {sink['name']},", [f"{sink['name']},{option}=" for option in options])
            self.check(f"flowxdp attach --sink={sink['name']}:x,po", [f"--sink={sink['name']}:x,policy="])
        self.check("flowxdp replay --sink json,policy=", ["json,policy=block", "json,policy=drop"])
        self.check("flowxdp replay --sink csv:c.csv,eol=", ["csv:c.csv,eol=crlf", "csv:c.csv,eol=lf"])
        self.check("flowxdp replay --sink ipfix:", ["ipfix:udp://", "ipfix:tcp://", "ipfix:file:"])
        self.check("flowxdp replay --sink json:a", ["json:a.pcap"])
        self.check("flowxdp replay --sink ipfix:file:b", ["ipfix:file:b.pcap"])

    def test_files_and_folders(self):
        self.check("flowxdp replay a", ["a.pcap"])
        self.check("flowxdp replay a.pcap b", ["b.pcap"])
        self.check("flowxdp replay -F c", ["c.txt"])
        self.check("flowxdp attach lo -e all:a", ["all:a.pcap"])
        self.assertEqual([path.rstrip("/") for path in self.asked.offered("flowxdp replay a.pcap --lib d")], ["d"])

    def test_columns_of_decode(self):
        columns = [column["name"] for plugin in json.loads(self.say("plugins", "--json")) for column in plugin["columns"] if column["bits"]]
        self.check("flowxdp decode ", [column + "=" for column in columns])

    def test_a_name_that_is_none(self):
        self.check("flowxdp nothing ", [])
        self.check("flowxdp replay --sink nothing:", [])


class InBash(Completions, unittest.TestCase):
    shell = Bash


class InZsh(Completions, unittest.TestCase):
    shell = Zsh


class InFish(Completions, unittest.TestCase):
    shell = Fish


if __name__ == "__main__":
    unittest.main()
