"""Default pick lists (spec 01 §F.3) and loading them once."""

from django.db import transaction

from biobank.batch.insert import insert
from terminology.models import PermissibleValue

SPECIMEN_TYPES: dict[str, tuple[str, ...]] = {
    "Cell": (
        "Cryopreserved Cells",
        "Fixed Cell Block",
        "Frozen Cell Block",
        "Frozen Cell Pellet",
        "Not Specified",
        "PBMC",
        "Slide",
    ),
    "Fluid": (
        "Amniotic Fluid",
        "Bile",
        "Body Cavity Fluid",
        "Bone Marrow Plasma",
        "Buffy Coat",
        "Cerebrospinal Fluid",
        "Feces",
        "Gastric Fluid",
        "Lavage",
        "Milk",
        "Not Specified",
        "Pericardial Fluid",
        "Plasma",
        "Saliva",
        "Serum",
        "Sputum",
        "Sweat",
        "Synovial Fluid",
        "Urine",
        "Vitreous Fluid",
        "Whole Blood",
        "Whole Bone Marrow",
    ),
    "Molecular": (
        "cDNA",
        "ctDNA",
        "DNA",
        "Not Specified",
        "protein",
        "RNA",
        "RNA, cytoplasmic",
        "RNA, nuclear",
        "RNA, poly-A enriched",
        "Total Nucleic Acid",
        "Whole Genome Amplified DNA",
    ),
    "Tissue": (
        "Fixed Tissue",
        "Fixed Tissue Block",
        "Fixed Tissue Slide",
        "Fresh Tissue",
        "Frozen Tissue",
        "Frozen Tissue Block",
        "Frozen Tissue Slide",
        "Microdissected",
        "Not Specified",
    ),
}

LISTS: dict[str, tuple[str, ...]] = {
    "laterality": (
        "Bilateral",
        "Left",
        "Not Applicable",
        "Not Specified",
        "Right",
    ),
    "pathology_status": (
        "Malignant",
        "Malignant, Invasive",
        "Malignant, Pre-Invasive",
        "Metastatic",
        "Non-Malignant",
        "Non-Malignant, Diseased",
        "Not Specified",
        "Pre-Malignant",
    ),
    "collection_procedure": (
        "Cavitron Ultrasonic Surgical Aspirator",
        "Indwelling Catheter",
        "Lavage",
        "Needle Aspirate",
        "Needle Core Biopsy",
        "Not Specified",
        "Surgical Resection",
        "Venipuncture",
    ),
    "collection_container": (
        "ACD Vacutainer",
        "CPT",
        "Citrate Vacutainer",
        "EDTA Vacutainer",
        "Heparin Vacutainer",
        "No Additive Vacutainer",
        "Not Specified",
        "Paxgene",
        "Serum Separator Vacutainer",
        "Sterile Specimen Container",
        "Streck",
    ),
    "receive_quality": (
        "Acceptable",
        "Cauterized",
        "Clotted",
        "Damaged",
        "Frozen",
        "Hemolyzed",
        "Hemorrhagic",
        "Lipemic",
        "Necrotic",
        "Not Specified",
        "Quantity Not Sufficient",
        "Thawed",
        "Unacceptable, Not Specified",
    ),
    "gender": (
        "Female",
        "Male",
        "Undifferentiated",
        "Unknown",
    ),
    "vital_status": (
        "Alive",
        "Dead",
        "Unknown",
        "Unspecified",
    ),
    "race": (
        "White",
        "Black or African American",
        "American Indian or Alaska Native",
        "Asian",
        "Native Hawaiian or Other Pacific Islander",
        "Not Reported",
        "Unknown",
    ),
    "ethnicity": (
        "Hispanic or Latino",
        "Not Hispanic or Latino",
        "Not Reported",
        "Unknown",
    ),
    "clinical_status": (
        "Follow-up",
        "New Diagnosis",
        "No Diagnosis / Control",
        "Not Specified",
        "On-Therapy",
        "Operative",
        "Palliative Care",
        "Post-Operative",
        "Post-Therapy",
        "Pre-Operative",
        "Pre-Therapy",
        "Relapse, Distant Site",
        "Relapse, Not Specified",
        "Relapse, Primary Site",
        "Remission",
    ),
    "missed_visit_reason": (
        "Beyond processing time",
        "Insufficient sample collected / available",
        "Laboratory error",
        "Patient declined collection",
        "Patient declined consent",
        "Poor sample quality",
        "Sample damaged",
        "Sample not collected by clinic / Clinic error",
        "Visit cancelled",
    ),
    "site_type": (
        "Collection Site",
        "Laboratory",
        "Not Specified",
        "Repository",
    ),
    "2003990": (
        "Klinefelter's Syndrome",
        "Mosaic including XXXXY",
        "Not Specified",
        "Penta X Syndrome",
        "Unknown",
        "XX",
        "XXX",
        "XXXY Syndrome",
        "XXYY Syndrome",
        "XY",
    ),
    "specimen_biohazard": (
        "Carcinogen",
        "Infectious",
        "Mutagen",
        "Not Specified",
        "Radioactive",
        "Toxic",
    ),
    "fixation_type": (
        "Bouin's",
        "Ethanol, 70%",
        "Formaldehyde",
        "Methacarn",
        "Methanol",
        "Neutral Buffered Formalin",
        "Not Specified",
        "RNALater",
        "UM-Fix",
    ),
    "frozen_method": (
        "Aerosol Spray",
        "Cryobath",
        "Cryostat",
        "Dry Ice",
        "Dry Ice / Hydrocarbon Slurry",
        "Liquid Nitrogen",
        "Liquid Nitrogen Vapor",
        "Not Specified",
    ),
    "embedding_medium": (
        "Freezing Media, Not Specified",
        "Low Melting Point Paraffin",
        "Not Specified",
        "Optimal Cutting Temperature Media",
        "Paraffin",
        "Plastic",
    ),
    "visit_status": (
        "Complete",
        "Pending",
        "Missed Collection",
        "Not Collected",
    ),
    "anatomic_site": (
        "Abdomen, NOS",
        "Adrenal gland, NOS",
        "Anal canal",
        "Appendix",
        "Ascending colon",
        "Blood",
        "Body of pancreas",
        "Body of stomach",
        "Bone marrow",
        "Bone, NOS",
        "Breast, NOS",
        "Cecum",
        "Cerebral meninges",
        "Cervix uteri",
        "Colon, NOS",
        "Duodenum",
        "Endometrium",
        "Esophagus, NOS",
        "Gallbladder",
        "Head of pancreas",
        "Heart",
        "Ileum",
        "Larynx, NOS",
        "Liver",
        "Lower lobe, lung",
        "Lung, NOS",
        "Nipple",
        "Ovary",
        "Pancreas, NOS",
        "Placenta",
        "Pleura, NOS",
        "Prostate gland",
        "Rectum, NOS",
        "Sigmoid colon",
        "Skin, NOS",
        "Spleen",
        "Stomach, NOS",
        "Testis, NOS",
        "Thymus",
        "Thyroid gland",
        "Tongue, NOS",
        "Tonsil, NOS",
        "Trachea",
        "UNKNOWN PRIMARY SITE",
        "Upper lobe, lung",
        "Uterus, NOS",
        "Vagina, NOS",
        "Not Specified",
    ),
    "consent_response": (
        "Yes",
        "No",
        "Not Specified",
        "Withdrawn",
    ),
    "clinical_diagnosis": ("Not Specified",),
    "specimen_unit": (
        "ml",
        "µl",
        "cell count",
        "cells",
        "µg",
        "ng",
        "gm",
        "mg",
        "count",
        "µg/µl",
        "ng/µl",
    ),
    "specimen_dispose_reason": (
        "Not Specified",
        "Contaminated",
        "Distributed",
        "Consent Withdrawn",
        "Damaged",
        "Expired",
        "Used Up",
        "Other",
    ),
    "cohort": ("Not Specified",),
}

# What label tokens print for a specimen type; a type without one prints its first two letters
ABBREVIATIONS: dict[str, str] = {
    "Whole Blood": "WB", "Plasma": "PL", "Serum": "SE", "Buffy Coat": "BC", "Urine": "UR", "Saliva": "SA",
    "Feces": "FE", "Milk": "MI", "Sputum": "SP", "Cerebrospinal Fluid": "CSF", "Whole Bone Marrow": "WBM",
    "DNA": "DNA", "RNA": "RNA", "cDNA": "cDNA", "ctDNA": "ctDNA", "protein": "PRO", "PBMC": "PBMC", "Slide": "SL",
    "Total Nucleic Acid": "TNA", "Fresh Tissue": "FT", "Frozen Tissue": "FRT", "Fixed Tissue": "FXT",
    "Frozen Tissue Block": "FRTB", "Fixed Tissue Block": "FXTB", "Fixed Tissue Slide": "FXTS",
    "Frozen Tissue Slide": "FRTS", "Cryopreserved Cells": "CC", "Microdissected": "MD", "Not Specified": "NS",
}  # fmt: skip
UNITS: dict[str, str] = {"Fluid": "ml", "Cell": "cell count", "Molecular": "µg", "Tissue": "gm"}
PROPS: dict[tuple[str, str], dict[str, str]] = {("vital_status", "Dead"): {"dead": "true"}}


def load_defaults() -> int:
    """Add the default values of every list that has none yet; returns how many were added.

    A list that has values, however few, belongs to the laboratory and is left alone.
    """
    with transaction.atomic():
        present = set(PermissibleValue.objects.values_list("attribute", flat=True).distinct())
        rows = [
            PermissibleValue(
                attribute=attribute, value=value, sort_order=place, props=PROPS.get((attribute, value), {})
            )
            for attribute, values in LISTS.items()
            if attribute not in present
            for place, value in enumerate(values)
        ]
        insert(rows)
        added = len(rows)
        if "specimen_type" not in present:
            added += _load_types()
    return added


def _load_types() -> int:
    roots = [
        PermissibleValue(
            attribute="specimen_type", value=name, sort_order=place, props={"quantity_unit": UNITS[name]}
        )
        for place, name in enumerate(SPECIMEN_TYPES)
    ]
    insert(roots)
    leaves = [
        PermissibleValue(
            attribute="specimen_type",
            value=name,
            parent=root,
            sort_order=place,
            props={"abbreviation": ABBREVIATIONS.get(name, name[:2].upper())},
        )
        for root in roots
        for place, name in enumerate(SPECIMEN_TYPES[root.value])
    ]
    insert(leaves)
    return len(roots) + len(leaves)
