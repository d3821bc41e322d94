"""Lessons: folders of prose and links that people write, read when the server starts."""

from app.lessons.lesson import Lesson, LessonEntry
from app.lessons.problems import Problem
from app.lessons.shelf import Shelf, shelf_of, shipped_folder

__all__ = ["Lesson", "LessonEntry", "Problem", "Shelf", "shelf_of", "shipped_folder"]
