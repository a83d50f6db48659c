"""What `make_goldens` makes: each file's name with its sizes.

Seeds follow from the order, so new cases go to the end of their table.
"""

from typing import Any

Case = dict[str, Any]

HAAR_INVERSE: dict[str, Case] = {"haar_inverse": {"x": (2, 12, 3, 5)}}

# Shape of x, output channels and the call's arguments. `reach`: offsets lie within
# so many pixels; `whole`: offsets are whole pixels, all zero for the first image.
DEFORM_CONV: dict[str, Case] = {
    "deform_conv_2x2": {"x": (2, 8, 7, 9), "outputs": 6, "kernel": (2, 2)},
    "deform_conv_4x2": {
        "x": (1, 8, 8, 7),
        "outputs": 4,
        "kernel": (4, 2),
        "padding": (2, 1),
    },
    "deform_conv_stride3": {"x": (2, 4, 13, 11), "outputs": 6, "stride": (3, 3)},
    "deform_conv_stride_2_1": {"x": (1, 8, 10, 9), "outputs": 4, "stride": (2, 1)},
    "deform_conv_uneven_padding": {"x": (2, 4, 8, 9), "outputs": 6, "padding": (2, 0)},
    "deform_conv_dilation_2_3": {
        "x": (1, 8, 11, 12),
        "outputs": 4,
        "padding": (2, 3),
        "dilation": (2, 3),
    },
    "deform_conv_one_pixel": {"x": (2, 8, 1, 1), "outputs": 4, "reach": 1},
    "deform_conv_no_mask": {"x": (2, 8, 7, 6), "outputs": 4, "mask": False},
    "deform_conv_no_bias": {"x": (2, 8, 6, 7), "outputs": 4, "bias": False},
    "deform_conv_plain": {
        "x": (1, 6, 9, 8),
        "outputs": 5,
        "groups": 3,
        "mask": False,
        "bias": False,
    },
    "deform_conv_outside": {"x": (2, 4, 5, 6), "outputs": 4, "reach": 9},
    "deform_conv_whole_pixels": {"x": (3, 4, 6, 5), "outputs": 4, "whole": True},
}

# A module's width and, where it matters, the height and width of its input.
PARTS: dict[str, Case] = {
    "channel_attention_width_96": {
        "kind": "channel_attention",
        "width": 96,
        "size": (4, 5),
    },
    "adeb_one_pixel": {"kind": "adeb", "width": 8, "size": (1, 1)},
    "arob_carried_one_row": {
        "kind": "adeb",
        "width": 8,
        "size": (1, 9),
        "recurrent": True,
        "carried": True,
    },
}

_TWO: Case = {"widths": (6, 8), "encoder_blocks": (1, 0), "decoder_blocks": (1,)}
_UNET: Case = {
    **_TWO,
    "recurrent_offsets": False,
    "wavelet": False,
    "image": (1, 11, 9),
}

# Fields of the network's configuration, and the image's batch, height and width.
NETWORKS: dict[str, Case] = {
    "danet_two_scales": {**_TWO, "image": (2, 9, 7)},
    "danet_two_scales_rgb": {
        **_TWO,
        "channels": 3,
        "encoder_blocks": (0, 1),
        "decoder_blocks": (0,),
        "image": (1, 10, 13),
    },
    "danet_five_scales": {
        "widths": (4, 6, 4, 8, 6),
        "encoder_blocks": (0, 0, 0, 0, 0),
        "decoder_blocks": (0, 0, 0, 0),
        "offset_width": 2,
        "image": (1, 17, 21),
    },
    "danet_no_adebs": {
        "widths": (4, 8, 6),
        "encoder_blocks": (0, 0, 0),
        "decoder_blocks": (0, 0),
        "image": (1, 11, 14),
    },
    "danet_smallest_image": {
        "widths": (4, 6, 8),
        "encoder_blocks": (0, 0, 0),
        "decoder_blocks": (0, 0),
        "image": (2, 4, 4),
    },
    "ablation_unet": {**_UNET, "block": "conv"},
    "ablation_unet_deform": {**_UNET, "block": "deform"},
    "ablation_adeb": _UNET,
    "ablation_unet_wavelet": {**_UNET, "block": "conv", "wavelet": True},
    "ablation_unet_deform_wavelet": {**_UNET, "block": "deform", "wavelet": True},
    "ablation_adeb_wavelet": {**_UNET, "wavelet": True},
}
