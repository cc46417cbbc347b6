import csv
import io
import os
import subprocess
import time
import urllib.request
from pathlib import Path
from uuid import UUID

from app.db import engine
from app.models import Remark, Task, TaskChange, TaskCreate, TaskImport, User
from sqlalchemy import text
from sqlmodel import Session, delete, func, select, update


def get_leaks(session: Session, task_id: int, user_id: UUID) -> Task | None:
    return session.get(Task, task_id)


def get_fixed(session: Session, task_id: int, user_id: UUID) -> Task | None:
    return session.exec(select(Task).where(Task.id == task_id, Task.user_id == user_id)).first()


def list_leaks(session: Session, user: User, skip: int, limit: int) -> list[Task]:
    return list(session.exec(select(Task).offset(skip).limit(limit)).all())


def list_fixed(session: Session, user: User, skip: int, limit: int) -> list[Task]:
    return list(session.exec(select(Task).where(Task.user_id == user.id).offset(skip).limit(limit)).all())


def titles_leaks(db, user_id: UUID):
    return [{"title": one.title} for one in db.exec(select(Task))]


def titles_fixed(db, user_id: UUID):
    return [{"title": one.title} for one in db.exec(select(Task).where(Task.user_id == user_id))]


def by_title_leaks(session: Session, user_id: UUID, title: str) -> Task | None:
    return session.exec(select(Task).where(Task.title == title)).first()


def by_title_fixed(session: Session, user_id: UUID, title: str) -> Task | None:
    return session.exec(select(Task).where(Task.title == title, Task.user_id == user_id)).first()


def several_leaks(session: Session, user_id: UUID, ids: list[int]) -> list[Task]:
    return list(session.exec(select(Task).where(Task.id.in_(ids))).all())


def several_fixed(session: Session, user_id: UUID, ids: list[int]) -> list[Task]:
    return list(session.exec(select(Task).where(Task.id.in_(ids), Task.user_id == user_id)).all())


def change_leaks(session: Session, task_id: int, data: TaskChange, user_id: UUID) -> None:
    session.exec(update(Task).where(Task.id == task_id).values(**data.model_dump(exclude_unset=True)))
    session.commit()


def change_fixed(session: Session, task_id: int, data: TaskChange, user_id: UUID) -> None:
    wanted = update(Task).where(Task.id == task_id, Task.user_id == user_id)
    session.exec(wanted.values(**data.model_dump(exclude_unset=True)))
    session.commit()


def finish_leaks(session: Session, task_id: int, user_id: UUID) -> None:
    session.get(Task, task_id).title = "done"


def finish_fixed(session: Session, task_id: int, user_id: UUID) -> None:
    get_fixed(session, task_id, user_id).title = "done"


def delete_leaks(session: Session, task_id: int, user_id: UUID) -> None:
    session.exec(delete(Task).where(Task.id == task_id))
    session.commit()


def delete_fixed(session: Session, task_id: int, user_id: UUID) -> None:
    session.exec(delete(Task).where(Task.id == task_id, Task.user_id == user_id))
    session.commit()


def create_leaks(session: Session, data: TaskImport, user: User) -> Task:
    task = Task(**data.model_dump())
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


def create_fixed(session: Session, data: TaskImport, user: User) -> Task:
    task = Task(**data.model_dump(exclude={"user_id"}), user_id=user.id)
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


def add_remark_leaks(session: Session, task_id: int, body: str, user_id: UUID) -> Remark:
    remark = Remark(task_id=task_id, body=body)
    session.add(remark)
    session.commit()
    return remark


def add_remark_fixed(session: Session, task_id: int, body: str, user_id: UUID) -> Remark:
    if get_fixed(session, task_id, user_id) is None:
        raise LookupError("no such task")
    return add_remark_leaks(session, task_id, body, user_id)


def move_remark_leaks(session: Session, task_id: int, remark_id: int, user_id: UUID) -> None:
    if get_fixed(session, task_id, user_id) is None:
        raise LookupError("no such task")
    session.get(Remark, remark_id).body = "moved"
    session.commit()


def move_remark_fixed(session: Session, task_id: int, remark_id: int, user_id: UUID) -> None:
    remark = session.get(Remark, remark_id)
    if get_fixed(session, task_id, user_id) is None or get_fixed(session, remark.task_id, user_id) is None:
        raise LookupError("no such task")
    remark.body = "moved"
    session.commit()


def count_leaks(session: Session, user_id: UUID) -> int:
    return session.exec(select(func.count()).select_from(Task)).one()


def count_fixed(session: Session, user_id: UUID) -> int:
    return session.exec(select(func.count()).select_from(Task).where(Task.user_id == user_id)).one()


def export_leaks(session: Session, user_id: UUID) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(session.execute(text("select id, title from task")))
    return out.getvalue()


def export_fixed(session: Session, user_id: UUID) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(session.execute(text("select id, title from task where user_id = :id"), {"id": user_id}))
    return out.getvalue()


def takes_no_user(session: Session, id: int) -> Task | None:
    return session.get(Task, id)


def clock_fixed(session: Session, user_id: UUID) -> dict:
    mine = session.exec(select(Task).where(Task.user_id == user_id)).all()
    return {"at": time.perf_counter_ns(), "tasks": mine}


def tells_that_it_exists(session: Session, task_id: int, user_id: UUID) -> Task:
    task = session.get(Task, task_id)
    if task is None:
        raise LookupError("there is none")
    if task.user_id != user_id:
        raise PermissionError("not yours")
    return task


def session_of_its_own(session: Session, user_id: UUID) -> list[str]:
    with Session(engine) as own:
        return [one.title for one in own.exec(select(Task).where(Task.user_id == user_id))]


def row_of_the_caller(session: Session, task: Task) -> Task:
    session.refresh(task)
    return task


def only_blind(session: Session, task_id: int, user_id: UUID) -> None:
    session.get(Task, task_id)
    raise RuntimeError("not finished")


def runs_program(session: Session, user_id: UUID) -> list[Task]:
    os.system("touch left-behind")
    return list_fixed(session, session.get(User, user_id), 0, 10)


def by_way_of_a_helper(session: Session, user_id: UUID) -> list[Task]:
    runs_program(session, user_id)
    return []


def hides_a_program(session: Session, user_id: UUID) -> list[Task]:
    getattr(subprocess, "ru" + "n")(["touch", "left-behind"])
    return list_fixed(session, session.get(User, user_id), 0, 10)


def hides_a_file(session: Session, user_id: UUID) -> list[Task]:
    with getattr(Path("left-behind"), "op" + "en")("w") as file:
        file.write("x")
    return list_fixed(session, session.get(User, user_id), 0, 10)


def hides_an_address(session: Session, user_id: UUID) -> list[Task]:
    try:
        getattr(urllib.request, "url" + "open")("http://192.0.2.1/")
    except OSError:
        pass
    return list_fixed(session, session.get(User, user_id), 0, 10)


def never_ends(session: Session, user_id: UUID) -> None:
    while session.get(Task, 0) is None:
        time.sleep(0.01)


def ends_the_process(session: Session, user_id: UUID) -> None:
    getattr(os, "_ex" + "it")(session.get(Task, 0) or 0)


def wants_a_stranger(session: Session, mailer: subprocess.Popen, user_id: UUID) -> list[Task]:
    return list_fixed(session, session.get(User, user_id), 0, 10)


class Tasks:
    def __init__(self, session: Session, user_id: UUID) -> None:
        self.session, self.user_id = session, user_id

    def get_leaks(self, task_id: int) -> Task | None:
        return self.session.get(Task, task_id)

    def get_fixed(self, task_id: int) -> Task | None:
        return get_fixed(self.session, task_id, self.user_id)
