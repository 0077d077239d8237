"""An index made before keys for namesakes were known gets them all, as if it were made now."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from mediasvc.identity.keys import blocking_keys
from mediasvc.store import migrations

PEOPLE = (("Müller^Jörg", "19800102"), ("Doe^Jane", "1999"), ("Smith", "19990203"),
          ("Roe^Ann", ""), ("Yamada^Tarou=山田^太郎", "19700304"))


def test_an_older_index_gets_the_keys_that_are_new(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "newline")
    wanted = {(kind, key, number) for number, (name, born) in enumerate(PEOPLE)
              for kind, key in blocking_keys(name, born)}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        for number, (name, born) in enumerate(PEOPLE):
            connection.execute(sa.text(
                "INSERT INTO patient (id, patient_id, issuer, patient_name, patient_birth_date) "
                "VALUES (:id, :id, 'LOCAL', :name, :born)"),
                {"id": number, "name": name, "born": born})
        connection.execute(
            sa.text("INSERT INTO patient_key (kind, key, patient) VALUES (:kind, :key, :row)"),
            [{"kind": kind, "key": key, "row": row} for kind, key, row in wanted
             if kind not in "bd"])
        command.upgrade(config, "0006")
        found = connection.execute(sa.text("SELECT kind, key, patient FROM patient_key"))
        assert set(map(tuple, found)) == wanted
