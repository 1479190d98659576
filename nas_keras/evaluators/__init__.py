"""Evaluators: what gives a proposed architecture its reward."""
