# SPDX-License-Identifier: MIT
"""documents.py [ROOT]: whatever the documents name is there.

Theory of operation: all *.md files and manual pages are read as text. Links must lead to a file, and
behind a '#' to a heading, as GitHub names them. In code (between backticks, and in indented blocks of
Markdown) 'make TARGET' must be a target, T= of it a test, 'man hostingpi...' a page,
'hostingpictl COMMAND' a command, a long option of our programs one of their page, and a path that
begins with a folder of this repository a file. Prose is not looked at: it says "make sure". Ends
with 1 if anything is missing.
"""

import os
import pathlib
import re
import sys

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:href|src|srcset)=\"([^\"]+)\"")
MAKE = re.compile(r"(?:^|[\s(&;])make ((?:(?:-j?\d*|[A-Z_]+=\S+) )*)([a-z][a-z-]*)?((?: [A-Z_]+=\S+)*)")
COMMAND = re.compile(r"(?:^|[\s/])hostingpictl ((?:--?[a-z]+(?:[ =][A-Z/]\S*)? )*)([a-z]+)")
OPTIONS = re.compile(r"\b(hostingpid|hostingpictl|hostingpi-post)\b([^|&;]*)")
PAGE = re.compile(r"\bman (?:\d )?(hostingpi[a-z.-]*)")
REFERENCE = re.compile(r"\b(hostingpi[a-z.-]*)\((\d)\)")
NOT_OURS = {"build"}  # what comes into being, and its folders
HEADLESS = re.compile(r"[^\w\- ]")


def prune(folders):
    """What is built is large, and full of other people's documents."""
    folders[:] = [name for name in folders if name not in NOT_OURS and not name.startswith(".")]
    return True


class Tree:
    """What there is in the repository."""

    def __init__(self, root):
        self.root = root
        self.documents = sorted(
            pathlib.Path(folder) / name
            for folder, folders, names in os.walk(root)
            if prune(folders)
            for name in names
            if name.endswith(".md")
        )
        self.pages = sorted(root.glob("man/*.[1-9]"))
        self.folders = {path.name for path in root.iterdir() if path.is_dir()} - NOT_OURS
        self.targets = set(re.findall(r"^([a-z][a-z-]*):", self.text("Makefile"), re.MULTILINE))
        self.tests = {
            "check": [path.stem.removeprefix("test-") for path in root.glob("tests/unit/test-*.c")],
            "check-lab": [path.stem for path in root.glob("tests/lab/test_*.py")],
        }
        for path in root.glob("tests/lab/test_*.py"):
            self.tests["check-lab"] += re.findall(r"^def (test_\w+)", self.text(path), re.MULTILINE)
        shared = self.checks("guest")
        self.tests["check-guest"] = shared
        self.tests["check-boot"] = shared + self.checks("boot")
        self.commands = set()
        for path in [*root.glob("agent/ctl/*.c"), *root.glob("notifiers/ctl_*.c")]:
            self.commands.update(re.findall(r"\"([a-z]+)\"", self.text(path)))

    def text(self, path):
        path = self.root / path
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def checks(self, folder):
        """Names of the checks of a machine, as T= chooses them."""
        paths = self.root.glob(f"tests/{folder}/checks_*.py")
        return [name for path in paths for name in re.findall(r"^def (\w+)\(_?lab\):", self.text(path), re.MULTILINE)]

    def anchors(self, path):
        """Names of the headings of a document, as GitHub makes them."""
        seen, names = {}, set()
        for line, fenced in lines_of(self.text(path)):
            heading = None if fenced else re.match(r"#{1,6} +(.*?) *#*$", line)
            if not heading:
                continue
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1))
            name = HEADLESS.sub("", words.lower()).replace(" ", "-")
            seen[name] = seen.get(name, -1) + 1
            names.add(f"{name}-{seen[name]}" if seen[name] else name)
        return names


def lines_of(text):
    """(line, inside of a block that a fence opened)"""
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            yield line, True
        else:
            yield line, fenced


def code_of(text):
    """(number of the line, piece of code); where an indented line belongs to a list it counts as well."""
    for number, (line, fenced) in enumerate(lines_of(text), 1):
        if fenced or line.startswith("    "):
            yield number, line.split(" #")[0].strip()
        else:
            for piece in CODE.findall(line):
                yield number, piece.strip()


def check_link(tree, document, link):
    if re.match(r"[a-z]+:", link):
        return None
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return f"link to {link}: no such file"
    if anchor and target.suffix == ".md" and anchor not in tree.anchors(target):
        return f"link to {link}: no such heading"
    return None


def check_make(tree, piece):
    for before, target, after in MAKE.findall(piece):
        if target and target not in tree.targets:
            yield f"'make {target}': no such target"
        chosen = re.search(r"\bT=(\w[\w,-]*)", before + after)
        names = tree.tests.get(target)
        for word in chosen.group(1).split(",") if chosen and names else []:
            if not any(word in name for name in names):
                yield f"'make {target} T={word}': no such test"


def is_there(tree, place, path):
    """A path, or a pattern, from the root of the repository or from the folder of the document."""
    if path.startswith("build/") or "/build/" in path:
        return True
    pattern = re.sub(r"\{[^}]*\}|[A-Z]{2,}[A-Z_]*", "*", path.rstrip("/"))
    for start in (tree.root, place):
        if (start / path).exists():
            return True
        if "*" in pattern and any(start.glob(pattern)):
            return True
    return False


def check_paths(tree, place, piece):
    for word in re.split(r"[\s,;:()'\"=]+", piece):
        word = word.removeprefix("./").rstrip(".")
        first, slash, rest = word.partition("/")
        if slash and first in tree.folders and not is_there(tree, place, word):
            # topics and names of others look like that as well: ours have an ending, or a folder
            if rest and ("." in rest or word.endswith("/") or (tree.root / first / rest.split("/")[0]).exists()):
                yield f"'{word}': no such file"


def check_commands(tree, piece):
    for _, command in COMMAND.findall(piece):
        if tree.commands and command not in tree.commands:
            yield f"'hostingpictl {command}': no such command"
    for program, rest in OPTIONS.findall(piece):
        known = "".join(tree.text(page) for page in tree.pages if page.stem == program)
        # what stands behind '--' belongs to somebody else's program
        for option in re.findall(r" --?([a-z][a-z-]*|[A-Z0-9])(?![\w-])", rest.split(" -- ")[0]):
            if not re.search(rf"Fl (?:Fl |-)?-?{option}\b", known):
                yield f"'{program} -{option if len(option) == 1 else '-' + option}': no such option in its manual page"
    for page in PAGE.findall(piece):
        if not any(path.name.rsplit(".", 1)[0] == page or path.name == page for path in tree.pages):
            yield f"'man {page}': no such page"


def check_document(tree, document):
    text = document.read_text(encoding="utf-8")
    for number, (line, fenced) in enumerate(lines_of(text), 1):
        for found in () if fenced or line.startswith("    ") else LINK.findall(CODE.sub("", line)):
            complaint = check_link(tree, document, found[0] or found[1])
            if complaint:
                yield number, complaint
    for number, piece in code_of(text):
        for complaints in (
            check_make(tree, piece),
            check_paths(tree, document.parent, piece),
            check_commands(tree, piece),
        ):
            for complaint in complaints:
                yield number, complaint


def check_lines(tree, path):
    names = {page.name for page in tree.pages}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.search(r"\u2014|\\\(em", line):
            yield number, "an em dash: use a comma, a colon or a full stop"
        found = REFERENCE.findall(line)
        if path.suffix != ".md":
            found += re.findall(r"^\.Xr (hostingpi\S*) (\d)", line)
        for page, section in found:
            if f"{page}.{section}" not in names:
                yield number, f"{page}({section}): no such page"


def main():
    tree = Tree(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    wrong = 0
    for path in [*tree.documents, *tree.pages]:
        complaints = list(check_lines(tree, path))
        if path.suffix == ".md":
            complaints += check_document(tree, path)
        for number, complaint in sorted(set(complaints)):
            print(f"{path.relative_to(tree.root)}:{number}: {complaint}")
        wrong += len(complaints)
    if not wrong:
        print(f"{len(tree.documents)} documents and {len(tree.pages)} manual pages checked")
    return 1 if wrong or not tree.documents else 0


if __name__ == "__main__":
    sys.exit(main())
