"""Writes goldens anew: `python tests/golden/write.py KIND...`, all where none is named.

Refuses where the output is another one and the version is the same: a stored result of the old
output would be taken for one of the new. `--force` is for goldens whose input was changed.
"""

import argparse
import json
import sys

from golden_paths import add_paths

add_paths()

from golden_cases import CASES, digest_now, kind_of, load, path_of, version_now, where_bumped  # noqa: E402 - after the paths
from golden_digest import differences  # noqa: E402 - after the paths

from rotoscope.pipeline.errors import AssetError  # noqa: E402 - after the paths


def main(arguments: list[str]) -> int:
    """Writes; returns how many were refused."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="stages, or frames, episodes")
    parser.add_argument("--force", action="store_true", help="the golden's own input was changed")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.kinds) - {kind_of(name) for name in CASES})
    if unknown:
        parser.error(f"no golden is about {', '.join(unknown)}")
    refused = 0
    for name in sorted(CASES):
        if not options.kinds or kind_of(name) in options.kinds:
            refused += not _write(name, force=options.force)
    return refused


def _write(name: str, *, force: bool) -> bool:
    try:
        found = digest_now(name)
    except AssetError as error:
        print(f"{name}: left as it is, it cannot be made here: {error}")
        return True
    version, old = version_now(name), load(name)
    changed = differences(old["digest"], found, rtol=CASES[name].rtol) if old else []
    if old and old["version"] == version and not changed:
        print(f"{name}: is as it was")
        return True
    if old and old["version"] == version and not force:
        print(f"{name}: REFUSED: its output changed ({changed[0]}), but not its version")
        print(f"  bump the {where_bumped(name)}, now {version!r}; then write again")
        return False
    path_of(name).parent.mkdir(exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    path_of(name).write_text(
        f'{{\n "version": {json.dumps(version)},\n "digest": {{\n{lines}\n }}\n}}\n'
    )
    print(f"{name}: written, version {version}")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
