from src.models.note import Note
from src.models.task import Task

__all__ = ["Note", "Task"]
