"""What the store holds is used; what is gone from it is made again."""

import shutil
from pathlib import Path

import yaml
from video_files import write_video

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.store.store import Store

TINY = Path(__file__).parent / "tiny_stages.py"


def test_episode_that_is_gone_from_the_store_is_made_again(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a.mp4", frames=45, fps=30, size=(64, 48))
    recipe = tmp_path / "lamp.yaml"
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    export = {"width": 64, "height": 48}
    recipe.write_text(yaml.safe_dump({"name": "lamp", "stages": stages, "export": export}))

    def run(out):
        return label(
            LabelRequest(
                inputs=(videos,),
                recipe=load_recipe(str(recipe)),
                out=tmp_path / out,
                store=tmp_path / "store",
            )
        )

    key = run("first").rows[0].episodes[0]
    folder = Store(tmp_path / "store").path(key, "")
    assert folder.is_dir()
    shutil.rmtree(folder)
    again = run("second")
    assert again.exit_code == 0
    assert folder.is_dir()
    assert (tmp_path / "second" / "meta" / "info.json").is_file()
