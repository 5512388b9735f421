"""Programs run where the user named them in this command, and nowhere else."""

import json
import shutil
from pathlib import Path

import pytest
from lamp_runs import TINY, run_lamp, statuses, write_clip, write_recipe

from rotoscope.pipeline.errors import CodeConsentError, RecipeError, UsageError
from rotoscope.pipeline.recipe import build_recipe, load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import load_request, read_record

HERE = Path(__file__).parent


@pytest.fixture
def trap(tmp_path):
    """A stage file that leaves a mark when it is executed."""
    mark = tmp_path / "executed"
    file = tmp_path / "trap.py"
    file.write_text(f"open({str(mark)!r}, 'w')\n" + TINY.read_text())
    return file, mark


def test_code_beside_a_recipe_that_was_named_runs(tmp_path, trap):
    file, mark = trap
    write_recipe(tmp_path / "r.yaml", [f"./{file.name}:Brightness"])
    assert load_recipe(str(tmp_path / "r.yaml")).has_code
    assert mark.exists()


def test_code_that_data_name_does_not_run(trap):
    file, mark = trap
    for reference in (f"{file}:Brightness", f"{file}:Brightness as shots", f"./{file.name}:X"):
        with pytest.raises(CodeConsentError, match=r"is a program, .* say --allow-code"):
            build_recipe({"stages": [reference]}, folder=file.parent)
    assert not mark.exists()


def test_run_record_is_a_program_only_by_consent(tmp_path, trap):
    write_clip(tmp_path / "videos" / "a.mp4")
    run_lamp(tmp_path)
    file, mark = trap
    path = tmp_path / "out.rotoscope" / "run.json"
    record = json.loads(path.read_text())
    record["recipe"]["stages"][0] = {f"{file}:Brightness as bright": {}}
    path.write_text(json.dumps(record))
    with pytest.raises(CodeConsentError):
        load_request(tmp_path / "out")
    assert read_record(tmp_path / "out").source == "video"
    assert not mark.exists()
    load_request(tmp_path / "out", allow_code=True)
    assert mark.exists()


def test_printed_retry_command_carries_consent_where_it_is_needed(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_text("no video")
    (row,) = run_lamp(tmp_path).rows
    assert row.retry == f"rotoscope retry {tmp_path / 'out'} --only a.mp4 --allow-code"


def test_record_of_installed_stages_needs_no_consent(tmp_path):
    recipe = load_recipe("hand-gripper")
    assert not recipe.has_code
    assert build_recipe(recipe.as_raw()).digest() == recipe.digest()


def test_error_in_a_users_own_stage_names_stage_file_and_line(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4")
    own = tmp_path / "own.py"
    source = TINY.read_text().replace(
        'values = tracks["brightness"]', "1 / 0; values = tracks['brightness']"
    )
    own.write_text(source)
    line = 1 + source[: source.index("1 / 0")].count("\n")
    stages = [f"{own}:Brightness as bright", f"{own}:BrightnessLabeler as lamp", "curate"]
    write_recipe(tmp_path / "lamp.yaml", stages)
    (row,) = run_lamp(tmp_path).rows
    assert row.stage == "lamp"
    where = f"(own.py, line {line}, in run)"
    assert f"stage 'lamp' raised ZeroDivisionError: division by zero {where}" in row.message
    assert "defect" not in row.message
    assert f'own.py", line {line}' in row.detail["traceback"]


def test_recipe_of_ones_own_is_the_same_wherever_it_lies(tmp_path):
    digests = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copyfile(TINY, folder / "own.py")
        recipe = load_recipe(str(write_recipe(folder / "r.yaml", ["./own.py:Brightness"])))
        digests |= {recipe.digest(), build_recipe(recipe.as_raw(), allow_code=True).digest()}
    assert len(digests) == 1


@pytest.mark.parametrize("text", ["[]", "3", "null", "not json", "", '"x"', "[" * 100_000])
def test_record_that_is_none_is_one_sentence(tmp_path, text):
    folder = tmp_path / "out.rotoscope"
    folder.mkdir()
    (folder / "run.json").write_text(text)
    with pytest.raises(UsageError):
        read_record(tmp_path / "out")


def test_stage_file_in_a_recipe_must_be_there(tmp_path):
    with pytest.raises(RecipeError, match=r"own.py is not there"):
        load_recipe(str(write_recipe(tmp_path / "r.yaml", ["./own.py:Stage"])))


def test_retry_runs_with_consent(tmp_path):
    clip = write_clip(tmp_path / "videos" / "a.mp4")
    whole = clip.read_bytes()
    clip.write_text("no video")
    assert statuses(run_lamp(tmp_path)) == {"a.mp4": "failed"}
    clip.write_bytes(whole)
    request = load_request(tmp_path / "out", allow_code=True)
    assert statuses(label(request)) == {"a.mp4": "done"}
