"""The posts of the import benchmarks: the same rows as a customer's file, as the table takes them, as the peer does."""

import csv
import json
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS, DAYS = 50, 365
WORDS = (
    *("el", "banco", "abre", "hoy", "su", "nueva", "agencia", "en", "Lima", "con", "#ahorro", "y", "promociones"),
    *("para", "@clientes", "de", "todo", "el", "país"),
)
# The table's columns that the bare file has, in the file's order.
COPIED = ("id_publicacion", "id_usuario", "clave", "id_externo", "contenido", "fecha_publicacion", "likes",
          "comentarios", "compartidos", "tipo_contenido", "hashtags", "menciones", "plataforma", "idioma")  # fmt: skip
PEERS = ("id_publicacion", "id_usuario", "contenido", "fecha_publicacion", "likes", "comentarios", "compartidos",
         "tipo_contenido", "hashtags", "menciones")  # fmt: skip


@dataclass
class Files:
    """The same rows three times."""

    upload: Path
    bare: Path
    peer: Path


def write_files(folder: Path, rows: int) -> Files:
    """Makes the rows, always the same."""
    chance = random.Random(4715)
    files = Files(folder / "posts.csv", folder / "bare.csv", folder / "peer.csv")
    with (
        files.upload.open("w", newline="") as upload,
        files.bare.open("w", newline="") as bare,
        files.peer.open("w", newline="") as peer,
    ):
        posts, table, others = csv.writer(upload), csv.writer(bare), csv.writer(peer)
        posts.writerow(["cuenta", "id", "fecha", "texto", "likes", "comments", "shares", "type"])
        others.writerow(PEERS)
        for number in range(1, rows + 1):
            account = chance.randrange(ACCOUNTS)
            text = " ".join(chance.choices(WORDS, k=chance.randrange(8, 30)))
            day = 1 + number * DAYS // (rows + 1)
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1704067200 + day * 86400 + number % 86400))
            counts = [chance.randrange(5000), chance.randrange(300), chance.randrange(200)]
            posts.writerow([f"banco{account}", f"p{number}", moment, text, *counts, "photo"])
            found = " ".join(re.findall(r"#\w+", text)), text.count("@")
            key = f"p{number}"
            table.writerow([number, account, key, key, text, f"{moment}Z", *counts, "photo", *found, "", ""])
            others.writerow([number, account, text, moment, *counts, "photo", *found])
    return files


def as_json_lines(file: Path) -> Path:
    """Writes the rows of the customer's file as JSON Lines."""
    target = file.with_suffix(".jsonl")
    with file.open(newline="") as source, target.open("w") as lines:
        for row in csv.DictReader(source):
            counts = {name: int(row[name]) for name in ("likes", "comments", "shares")}
            lines.write(json.dumps({**row, **counts}, ensure_ascii=False) + "\n")
    return target
