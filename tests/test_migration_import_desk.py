"""Reports that were made before there was a table of them are found by their hash all the same."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from mediasvc.store import migrations, reports


def test_older_reports_are_found(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "newline")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for seq, action, data in ((1, "done", {}), (2, "import-report", {"sha256": "ab"}),
                                  (3, "import-report", {"sha256": "ab"})):
            connection.execute(sa.text(
                "INSERT INTO event (seq, at, subject_kind, subject, action, by, data, hash) "
                "VALUES (:seq, '', 'package', '7', :action, 'Ann', :data, '')"),
                {"seq": seq, "action": action, "data": json.dumps(data)})
        command.upgrade(config, "0004")
        found = reports.find(connection, "ab")
        assert found is not None
        assert (found.seq, found.subject) == (2, "7")
        assert reports.find(connection, "cd") is None
