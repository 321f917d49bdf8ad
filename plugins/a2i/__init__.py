"""Human review with Amazon Augmented AI (A2I) for Apache Airflow: hooks, operators, sensors and triggers.

Nothing is imported here: the pure modules (``activation``, ``agreement``, ``answers``, ``consensus``, ``dawid_skene``,
``naming``, ``shapes``) can be used where neither Airflow nor boto3 is installed.
"""
