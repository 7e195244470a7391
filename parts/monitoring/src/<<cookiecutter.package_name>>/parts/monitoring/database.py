"""A table of a database that holds a log of predictions."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ...errors import UserError
from .files import utc

SECONDS = 60.0  # between two looks at the number of rows
MARKS = {"logged_at", "request_id", "row", "model_version"}  # columns by which a table is known as a log
EXTRAS = {"psycopg": "postgres"}


def problem(url: str) -> str | None:
    """Return what is wrong with the address of a database, or which package it needs; None if nothing is."""
    try:
        sa.create_engine(url)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name))
        how = f"add the extra {extra!r} to pyproject.toml and run `make setup`" if extra else "install it"
        return f"this database needs the package {error.name!r}, which is not installed: {how}"
    except (ArgumentError, NoSuchModuleError) as error:
        return f"the database's address cannot be used: {str(error).splitlines()[0]}"
    return None


def too_long(url: str, names: Sequence[str]) -> str | None:
    """Return which name is longer than the database takes; None if none is."""
    most = sa.make_url(url).get_dialect()().max_identifier_length
    for name in names:
        size = len(name.encode())
        if size > most:
            return (
                f"the log's column {name!r} has a name of {size} bytes, and the database takes {most}: "
                "leave the column out with `leave_out`, or use ParquetLog"
            )
    return None


class LogTable:
    """Inserts, reads and deletes the rows of a log.

    Parameters
    ----------
    url : of the database.
    name : of the table.
    password : of the user in the address, if there is one.
    """

    def __init__(self, url: str, name: str, password: str | None = None) -> None:
        address = sa.make_url(url)
        if password and address.username:
            address = address.set(password=password)
        if address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:"):
            Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        seconds = {"connect_timeout": 10} if address.get_backend_name() == "postgresql" else {}
        self.engine = sa.create_engine(address, connect_args=seconds, pool_pre_ping=True, hide_parameters=True)
        self.name, self._next_look = name, 0.0
        self._table: sa.Table | None = None

    def write(self, table: pd.DataFrame) -> None:
        """Insert rows in one transaction; the table is made or given new columns where that is needed."""
        known = self._table
        if known is None or not set(table.columns) <= set(known.columns.keys()):
            known = self._table = self._prepared(table)
        values = table.astype(object)
        rows: Any = values.where(values.notna(), None).to_dict("records")
        with self.engine.begin() as connection:
            connection.execute(sa.insert(known), rows)

    def _prepared(self, table: pd.DataFrame) -> sa.Table:
        """Return the table of the database, with all columns that these rows have."""
        columns = {str(name): _column(str(name), values.dtype) for name, values in table.items()}
        with self.engine.begin() as connection:
            found = self._found(connection)
            if found is None:
                made = sa.Table(self.name, sa.MetaData(), *columns.values())
                made.create(connection, checkfirst=True)
                return made
            quote = connection.dialect.identifier_preparer
            for name, column in columns.items():
                if name not in found.columns:
                    kind = column.type.compile(connection.dialect)
                    words = f"ALTER TABLE {quote.quote(self.name)} ADD COLUMN {quote.quote(name)} {kind}"
                    connection.exec_driver_sql(words)
        with self.engine.connect() as connection:
            again = self._found(connection)
            assert again is not None
            return again

    def _found(self, connection: sa.Connection) -> sa.Table | None:
        """Return the table as it is in the database; None if there is none.

        Raises
        ------
        UserError
            If it is no log.
        """
        if not sa.inspect(connection).has_table(self.name):
            return None
        found = sa.Table(self.name, sa.MetaData(), autoload_with=connection)
        if not set(found.columns.keys()) >= MARKS:
            raise UserError(f"the database has a table {self.name!r}, which is no log of predictions: name another one")
        return found

    def trim(self, most: int) -> None:
        """Delete rows that are older than the newest `most`, once a minute; those of one moment stay together."""
        if time.monotonic() < self._next_look:
            return
        with self.engine.begin() as connection:
            found = self._found(connection)
            if found is not None:
                at = found.columns["logged_at"]
                oldest = connection.scalar(sa.select(at).order_by(at.desc()).offset(most - 1).limit(1))
                if oldest is not None:
                    connection.execute(sa.delete(found).where(at < oldest))
        self._next_look = time.monotonic() + SECONDS

    def read(self, since: datetime | None, until: datetime | None) -> pd.DataFrame:
        """Return the rows that were logged from `since` up to, but not including, `until`."""
        first, end = utc(since), utc(until)
        try:
            with self.engine.connect() as connection:
                found = self._found(connection)
                if found is None:
                    return pd.DataFrame()
                at = found.columns["logged_at"]
                asked = sa.select(found).order_by(at, found.columns["request_id"], found.columns["row"])
                if first is not None:
                    asked = asked.where(at >= first)
                if end is not None:
                    asked = asked.where(at < end)
                table = pd.read_sql(asked, connection)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise UserError(f"the log cannot be read from the database: {reason}") from None
        return table.assign(logged_at=pd.to_datetime(table["logged_at"], utc=True))


def _column(name: str, dtype: Any) -> sa.Column[Any]:
    if isinstance(dtype, pd.DatetimeTZDtype):
        return sa.Column(name, sa.DateTime(timezone=True), index=name == "logged_at")
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(dtype):
        return sa.Column(name, sa.DateTime())
    if kinds.is_bool_dtype(dtype):
        return sa.Column(name, sa.Boolean())
    if kinds.is_integer_dtype(dtype):
        return sa.Column(name, sa.BigInteger())
    return sa.Column(name, sa.Double() if kinds.is_float_dtype(dtype) else sa.Text())
