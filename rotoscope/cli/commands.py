"""The commands that live in files of their own."""

from __future__ import annotations

import typer

from rotoscope.cli import annotate as annotate_command
from rotoscope.cli import assets as assets_command
from rotoscope.cli import bco as bco_command
from rotoscope.cli import bench as bench_command
from rotoscope.cli import caption as caption_command
from rotoscope.cli import check as check_command
from rotoscope.cli import compare as compare_command
from rotoscope.cli import curate as curate_command
from rotoscope.cli import datasets as datasets_command
from rotoscope.cli import duplicates as duplicates_command
from rotoscope.cli import find as find_command
from rotoscope.cli import forget as forget_command
from rotoscope.cli import import_old as import_command
from rotoscope.cli import multiply as multiply_command
from rotoscope.cli import policy as policy_command
from rotoscope.cli import push as push_command
from rotoscope.cli import recipes as recipes_command
from rotoscope.cli import record as record_command
from rotoscope.cli import reinforcement as reinforcement_command
from rotoscope.cli import replay as replay_command
from rotoscope.cli import rewards as rewards_command
from rotoscope.cli import robot as robot_command
from rotoscope.cli import segment as segment_command
from rotoscope.cli import serve as serve_command
from rotoscope.cli import store as store_command
from rotoscope.cli import track as track_command
from rotoscope.cli import train as train_command
from rotoscope.cli import train_latent as latent_command
from rotoscope.cli import views as views_command
from rotoscope.cli import worth as worth_command
from rotoscope.cli.paths import reads_dataset


def add_commands(app: typer.Typer) -> None:
    """Puts them into the program."""
    app.add_typer(assets_command.app, name="assets")
    app.add_typer(bench_command.app, name="bench")
    app.add_typer(robot_command.app, name="robot")
    app.add_typer(store_command.app, name="store")
    app.add_typer(train_command.app, name="train")
    train_command.app.command(name="policy")(policy_command.train_policy)
    train_command.app.command(name="latent-action")(latent_command.train_latent)
    train_command.app.command(name="bco")(bco_command.train_bco)
    train_command.app.command(name="rl")(reinforcement_command.train_rl)
    app.command(name="eval")(policy_command.evaluate)
    app.command(name="relabel")(reads_dataset(policy_command.relabel))
    app.command(name="sample-weights")(reads_dataset(policy_command.sample_weights))
    app.command(name="compare")(reads_dataset(compare_command.compare))
    app.command(name="check")(check_command.check)
    app.command(name="serve")(serve_command.serve)
    app.command(name="progress")(reads_dataset(rewards_command.progress))
    app.command(name="track")(reads_dataset(track_command.track))
    app.command(name="push")(reads_dataset(push_command.push))
    app.command(name="recipes")(recipes_command.recipes)
    app.command(name="record")(record_command.record)
    app.command(name="import")(import_command.import_old)
    app.command(name="export")(reads_dataset(import_command.export_old))
    app.command(name="replay")(reads_dataset(replay_command.replay))
    app.command(name="annotate")(reads_dataset(annotate_command.annotate))
    app.command(name="merge")(datasets_command.merge)
    app.command(name="split")(datasets_command.split)
    app.command(name="filter")(datasets_command.filter_episodes)
    app.command(name="curate")(reads_dataset(curate_command.curate))
    app.command(name="find")(find_command.find)
    app.command(name="multiply")(reads_dataset(multiply_command.multiply))
    app.command(name="worth")(reads_dataset(worth_command.worth))
    app.command(name="segment")(reads_dataset(segment_command.segment))
    app.command(name="duplicates")(duplicates_command.duplicates)
    app.command(name="forget")(forget_command.forget)
    app.command(name="versions")(forget_command.versions)
    app.command(name="caption")(caption_command.caption)
    app.command(name="triangulate")(views_command.triangulate)
