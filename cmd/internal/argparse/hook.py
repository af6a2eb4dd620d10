# Runs a program up to the point where its argparse parser would read the command
# line, and prints the parser there. A program that has none gets --help.
import argparse, itertools, json, os, runpy, sys

MARK = "\x1elxsweep "
SKIP = (argparse._HelpAction, argparse._VersionAction)


def texts(action, parser, value):
    """What to type for a value, and why that may not work."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    words = [str(v) for v in values]
    if isinstance(action.type, argparse.FileType):
        return words, "" if all(isinstance(v, str) for v in values) else "it is a file, open already"
    if action.type is bool:
        return words, "type=bool takes any text but '' for True"
    for v, word in zip(values, words):
        if isinstance(v, str):
            continue
        try:
            if parser._get_value(action, word) == v:
                continue
        except Exception:
            pass
        if action.type is None:
            return words, "it has no type=: on the command line it would be a text"
        return words, "%s does not read its own default back" % getattr(action.type, "__name__", "its type")
    return words, ""


def choices(action, parser):
    """What may be typed, if it is little and reads back as what is meant."""
    try:
        few = list(itertools.islice(action.choices, 51))
        words = [str(c) for c in few]
        return words if len(few) < 51 and [parser._get_value(action, w) for w in words] == few else []
    except Exception:
        return []


def kind(action):
    flags = action.option_strings
    if action.nargs == 0 and any("--no-" + f[2:] in flags for f in flags):
        return "toggle"
    if isinstance(action, argparse._CountAction):
        return "count"
    if isinstance(action, (argparse._AppendAction, argparse._AppendConstAction)):
        return "repeat"
    return "switch" if action.nargs == 0 else "value"


def typed(action):
    name = getattr(action.type, "__name__", "")
    if action.type in (None, str):
        return "path" if action.metavar in ("DIR", "FOLDER", "DIRECTORY", "PATH") else "text"
    return {"int": "int", "float": "float", "Path": "path"}.get(name, "")


def option(action, parser):
    flags = list(action.option_strings)
    d = {"kind": kind(action), "type": typed(action), "name": action.dest}
    if d["kind"] == "toggle":
        d["negative"] = [f for f in flags if f.startswith("--no-")]
        flags = [f for f in flags if not f.startswith("--no-")]
    d["flags"] = flags
    if action.choices is not None and not isinstance(action.type, argparse.FileType):
        d["choices"] = choices(action, parser)
    d["list"] = action.nargs in ("+", "*") or isinstance(action.nargs, int) and action.nargs > 0
    d["required"] = bool(action.required) and action.nargs not in ("?", "*")
    default = parser._defaults.get(action.dest, action.default)
    if d["kind"] == "toggle" and default is not None:
        d["state"], d["default"] = "given", ["true" if default else "false"]
    elif default is None or default is argparse.SUPPRESS:
        d["state"] = "none"
    elif d["kind"] == "value":
        d["state"] = "given"
        d["default"], d["trouble"] = texts(action, parser, default)
        if action.nargs == "+" and not d["default"]:
            d["trouble"] = "no values at all cannot be written"
        if d["list"] != isinstance(default, (list, tuple)):
            d["trouble"] = "one value is the default of a list" if d["list"] else "a list is the default of one value"
    if action.help:
        d["help"] = " ".join(action.help.split())
    return d


def described(parser, words):
    h = {"options": [], "positionals": []}
    for action in parser._actions:
        if isinstance(action, SKIP) or action.help is argparse.SUPPRESS and not action.required:
            continue
        if isinstance(action, argparse._SubParsersAction):
            h["commands"] = list(action.choices)
            given = [w for w in words if w in action.choices]
            likely = [c for c in ("train", "fit", "run") if c in action.choices]
            if action.choices:
                h["chosen"] = (given + likely + h["commands"])[0]
                h["sub"] = described(action.choices[h["chosen"]], words)
            continue
        h["options" if action.option_strings else "positionals"].append(option(action, parser))
    return h


def stop(parser, *args, **kwargs):
    sys.stdout.write("\n" + MARK + json.dumps(described(parser, sys.argv[1:])) + "\n")
    sys.stdout.flush()
    sys.exit(0)


# A parser without --help looks ahead, for a file of settings say; the program's own comes after it.
ahead = argparse.ArgumentParser.parse_known_args


def known(parser, *args, **kwargs):
    return stop(parser) if parser.add_help else ahead(parser, *args, **kwargs)


argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_intermixed_args = stop
argparse.ArgumentParser.parse_known_args = argparse.ArgumentParser.parse_known_intermixed_args = known

sys.argv = sys.argv[1:]
if sys.argv[0] == "-m":
    sys.argv = sys.argv[1:]
    sys.path[0] = os.getcwd()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")
